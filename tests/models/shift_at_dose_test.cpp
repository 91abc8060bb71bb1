#include "vcell/models/shift_at_dose.hpp"

#include "support/catch.hpp"

using namespace vcell;

namespace {

/// Shifts of one gene: (context, perturbation, shift, variance).
struct Seen {
  int32_t context, perturbation;
  double shift, variance;
};

PairShifts shifts_of(const std::vector<Seen>& seen) {
  PairShifts s;
  s.shift = Tensor<double, 2>({seen.size(), 1});
  s.variance = Tensor<float, 2>({seen.size(), 1});
  for (size_t i = 0; i < seen.size(); ++i) {
    s.context.push_back(seen[i].context);
    s.perturbation.push_back(seen[i].perturbation);
    s.stratum.push_back(-1);
    s.cells.push_back(1);
    s.shift(i, 0) = seen[i].shift;
    s.variance(i, 0) = float(seen[i].variance);
  }
  return s;
}

double at(const std::vector<Seen>& seen, double amount, const std::vector<CodeAtDose>& others,
          int32_t context = 0) {
  return shift_at_dose(shifts_of(seen), amount, context, others).at(0);
}

}  // namespace

TEST_CASE("shift_at_dose: of one dose by hand", "[models]") {
  // t = (4 - 1) / 0.25 = 12; covariance 12 * 0.25 + 1 = 4.
  const std::vector<Seen> seen = {{0, 5, 2, 1}};
  const double near = 12 * 1 * 0.5 * std::exp(-0.125);
  CHECK(at(seen, 1, {{5, 0.5}}) == Approx(near / 4 * 2));
  CHECK(at(seen, 1, {{5, 0.5}}, 1) == Approx(near / 2 / 4 * 2));   // another context
  CHECK(at(seen, 1, {{5, 0.5}}, -1) == Approx(near / 2 / 4 * 2));  // an unknown one
  CHECK(at(seen, 0, {{5, 0.5}}) == 0);                             // no dose, no shift
  CHECK(at({{0, 5, 2, 4}}, 1, {{5, 0.5}}) == 0);                   // no more than noise
  CHECK(at({{0, 5, 2, 0}}, 1, {{5, 0.5}}) == Approx(4));           // proportional
  CHECK(shift_at_dose(shifts_of(seen), 1, 0, std::vector<CodeAtDose>{{7, 1}}).empty());
  CHECK(shift_at_dose(shifts_of(seen), 1, 0, {}).empty());
}

TEST_CASE("shift_at_dose: between the doses that were learnt, wherever they stand", "[models]") {
  const std::vector<CodeAtDose> doses = {{0, 0.2}, {1, 0.6}, {2, 1.0}, {9, 0.5}};
  // An effect in proportion, then one that saturates, measured well.
  std::vector<Seen> line, bent;
  for (int32_t p = 0; p < 3; ++p) {
    line.push_back({0, p, 5 * doses[size_t(p)].amount, 1e-4});
    bent.push_back({0, p, p == 0 ? 1. : 3., 1e-4});
  }
  CHECK(at(line, 0.4, doses) == Approx(2).margin(0.05));
  CHECK(at(line, 0.8, doses) == Approx(4).margin(0.05));
  CHECK(at(line, 0.6, doses) == Approx(3).margin(0.01));
  CHECK(at(bent, 0.4, doses) > 1.5);
  CHECK(at(bent, 0.4, doses) < 3);
  CHECK(at(bent, 0.8, doses) == Approx(3.2).margin(0.4));
  std::vector<Seen> turned(bent.rbegin(), bent.rend());
  CHECK(at(turned, 0.4, {{2, 1.0}, {1, 0.6}, {0, 0.2}}) == Approx(at(bent, 0.4, doses)));
  // Of two contexts the own one counts more.
  std::vector<Seen> two = line;
  for (Seen s : line) two.push_back({1, s.perturbation, 0, 0.5});
  CHECK(at(two, 0.8, doses, 0) > at(two, 0.8, doses, -1));
  CHECK(at(two, 0.8, doses, -1) > at(two, 0.8, doses, 1));
}
