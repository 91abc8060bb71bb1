#include "vcell/models/pair_shifts.hpp"

#include "support/catch.hpp"
#include "support/threads.hpp"

using namespace vcell;
using vcell_test::contains;

namespace {

/// Two genes; context x has pairs A (3 cells) and B (1 cell), y has A (2 cells), each 2 controls.
struct ShiftScreen {
  Screen screen;
  std::vector<Part> parts;

  ShiftScreen() {
    std::vector<std::string> context, perturbation;
    const auto add = [&](const char* c, const char* p, float a, float b) {
      context.push_back(c);
      perturbation.push_back(p);
      for (int32_t g = 0; g < 2; ++g)
        if (const float v = g ? b : a; v != 0) {
          screen.expression.indices.push_back(g);
          screen.expression.values.push_back(v);
        }
      screen.expression.end_row();
      parts.push_back(Part::train);
    };
    screen.expression.columns = 2;
    screen.genes = {"g0", "g1"};
    add("x", "ctrl", 1, 0);
    add("x", "ctrl", 3, 0);
    add("x", "A", 4, 5);
    add("x", "A", 5, 5);
    add("x", "A", 9, 5);
    add("x", "B", 2, 1);
    add("y", "ctrl", 0, 1);
    add("y", "ctrl", 2, 1);
    add("y", "A", 3, 1);
    add("y", "A", 7, 1);
    screen.context = factor(context);
    screen.perturbation = factor(perturbation);
    screen.control = screen.perturbation.code("ctrl");
  }
  int32_t code(const char* perturbation) const { return screen.perturbation.code(perturbation); }
};

}  // namespace

TEST_CASE("pair_shifts: means against the context's controls, variance pooled in the context",
          "[models]") {
  const ShiftScreen f;
  const PairShifts s = pair_shifts(f.screen, f.parts);
  REQUIRE(s.pairs() == 3);
  REQUIRE(s.genes() == 2);
  REQUIRE(s.context == std::vector<int32_t>{0, 0, 1});
  REQUIRE(s.perturbation == std::vector<int32_t>{f.code("A"), f.code("B"), f.code("A")});
  REQUIRE(s.stratum == std::vector<int32_t>{-1, -1, -1});
  REQUIRE(s.cells == std::vector<size_t>{3, 1, 2});
  const double shift[3][2] = {{4, 5}, {0, 1}, {4, 0}};
  // x, gene 0: squares 2 of the controls, 14 of A, none of B, on 1 + 2 + 0 degrees of freedom.
  const double x = 16. / 3, y = (2 + 8) / 2.;
  const double variance[3][2] = {
      {x * (1. / 3 + 1. / 2), 0}, {x * (1. + 1. / 2), 0}, {y * (1. / 2 + 1. / 2), 0}};
  for (size_t i = 0; i < 3; ++i)
    for (size_t g = 0; g < 2; ++g) {
      CHECK(s.shift(i, g) == Approx(shift[i][g]));
      CHECK(s.variance(i, g) == Approx(variance[i][g]));
    }
}

TEST_CASE("pair_shifts: which cells count, and strata apart", "[models]") {
  ShiftScreen f;
  f.parts[4] = Part::validation;
  const PairShifts trained = pair_shifts(f.screen, f.parts);
  CHECK(trained.cells[0] == 2);
  CHECK(trained.shift(0, 0) == Approx(2.5));
  const PairShifts validated = pair_shifts(f.screen, f.parts, Part::validation);
  REQUIRE(validated.pairs() == 1);
  CHECK(validated.shift(0, 0) == Approx(7));
  // A single cell has the variance of its context's controls.
  CHECK(validated.variance(0, 0) == Approx(2 * (1 + 0.5)));
  const std::vector<int32_t> strata = {0, 0, 1, 2, 2, 0, 0, 0, 0, 0};
  const PairShifts apart = pair_shifts(
      f.screen, [](size_t) { return true; }, strata);
  REQUIRE(apart.pairs() == 4);
  CHECK(apart.stratum == std::vector<int32_t>{1, 2, 0, 0});
  CHECK(apart.shift(0, 0) == Approx(2));
  CHECK(apart.shift(1, 0) == Approx(5));
  const PairShifts none = pair_shifts(f.screen, [](size_t) { return false; });
  CHECK(none.pairs() == 0);
  CHECK(none.genes() == 2);
}

TEST_CASE("pair_shifts: the same bytes on any number of threads", "[models]") {
  const ShiftScreen f;
  const auto values = [&](int threads) {
    const vcell_test::Threads set(threads);
    const PairShifts s = pair_shifts(f.screen, f.parts);
    std::vector<double> all(s.shift.values().begin(), s.shift.values().end());
    all.insert(all.end(), s.variance.values().begin(), s.variance.values().end());
    return all;
  };
  CHECK(values(1) == values(2));
  CHECK(values(1) == values(7));
}

TEST_CASE("shrunk_mean: weights by variance, shrinks by the mean's own", "[models]") {
  PairShifts s;
  s.context = {0, 1};
  s.perturbation = {5, 5};
  s.shift = Tensor<double, 2>({2, 5});
  s.variance = Tensor<float, 2>({2, 5});
  const double shift[2][5] = {{2, 2, 0.5, 3, -2}, {4, 0, 0.5, 1, -2}};
  const double variance[2][5] = {{1, 1, 1, 0, 0.5}, {3, 1, 1, 2, 0.5}};
  for (size_t i = 0; i < 2; ++i)
    for (size_t g = 0; g < 5; ++g) {
      s.shift(i, g) = shift[i][g];
      s.variance(i, g) = float(variance[i][g]);
    }
  const auto pairs = pairs_of(s, 5);
  REQUIRE(pairs == std::vector<size_t>{0, 1});
  CHECK(pairs_of(s, 5, 1) == std::vector<size_t>{0});
  CHECK(pairs_of(s, 4).empty());
  const auto none = shrunk_mean(s, pairs, 0), two = shrunk_mean(s, pairs, 2);
  CHECK(none[0] == Approx((2 + 4. / 3) / (1 + 1. / 3)));
  CHECK(two[0] == Approx(2.5 * (1 - 2 * 0.75 / 6.25)));
  CHECK(none[1] == Approx(1));
  CHECK(two[1] == 0);  // k v / m^2 = 1
  CHECK(two[2] == 0);
  CHECK(none[3] == Approx(1));  // the pair whose variance is 0 does not count
  CHECK(two[4] == Approx(-2 * (1 - 2 * 0.25 / 4)));
  for (size_t g = 0; g < 5; ++g) s.variance(0, g) = s.variance(1, g) = 0;
  CHECK(shrunk_mean(s, pairs, 4)[0] == Approx(3));  // where all are 0: plain, not shrunk
  CHECK_THROWS_AS(shrunk_mean(s, {}, 2), ConfigError);
}

TEST_CASE("choose_shrinkage: the k that predicts other contexts best, 2 where nothing tells",
          "[models]") {
  // One gene, one perturbation in two contexts, variance 1: from shift 2 the candidates predict
  // 2, 1.5, 1 and 0.
  const auto of = [](double first, double second) {
    PairShifts s;
    s.context = {0, 1};
    s.perturbation = {1, 1};
    s.shift = Tensor<double, 2>({2, 1});
    s.variance = Tensor<float, 2>({2, 1});
    s.shift(0, 0) = first;
    s.shift(1, 0) = second;
    s.variance(0, 0) = s.variance(1, 0) = 1;
    return s;
  };
  const PairShifts trained = of(2, 2);
  CHECK(choose_shrinkage(trained, of(2, 2)) == 0);
  CHECK(choose_shrinkage(trained, of(1.5, 1.5)) == 1);
  CHECK(choose_shrinkage(trained, of(1, 1)) == 2);
  CHECK(choose_shrinkage(trained, of(-3, 0)) == 4);
  PairShifts other = of(2, 2);
  other.perturbation = {2, 3};
  CHECK(choose_shrinkage(trained, other) == 2);
}
