#include "vcell/train/validation_shifts.hpp"

#include <cmath>
#include <map>

#include "support/check_op.hpp"
#include "support/threads.hpp"
#include "train/st_screen.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

constexpr size_t genes = StScreen::genes;

/// Sets as a validation hands them on: those of a source, and two predictions of each.
struct Sets {
  StScreen s;
  SetSource source;
  std::vector<SetBatch> batches;
  std::vector<Tensor<double, 3>> predicted[2];

  explicit Sets(bool by_batch = false) : s(named()), source(s.screen, s.parts, options(by_batch)) {
    for (size_t i = 0; i < source.batches(); ++i) {
      source.read_pass(i, batches.emplace_back());
      const auto& shape = batches.back().target.shape();
      for (size_t v = 0; v < 2; ++v) {
        auto cells = random_tensor<double, 3>(shape, 10 * i + v);
        for (size_t b = 0; b < shape[0]; ++b)  // the second knows something
          if (v)
            for (size_t c = 0; c < shape[1]; ++c)
              cells(b, c, size_t(batches.back().perturbation[b])) += 2;
        predicted[v].push_back(std::move(cells));
      }
    }
  }
  /// P2 is a gene too, as in screens of knockdowns. Some controls are validated on.
  static StScreen named() {
    StScreen s;
    s.screen.genes[4] = "P2";
    for (size_t i = 0; i < s.parts.size(); i += 5) s.parts[i] = Part::validation;
    return s;
  }
  static SetSourceOptions options(bool by_batch) {
    SetSourceOptions o;
    o.sets = {.part = Part::validation, .set_size = 3, .by_batch = by_batch, .fill = false};
    o.batch_size = 2;
    return o;
  }
  ValidationShifts shifts() const { return {s.screen, source.cell_sets().groups(), 2}; }
  void add_to(ValidationShifts& shifts) const {
    for (size_t i = 0; i < batches.size(); ++i) {
      const SetBatch& batch = batches[i];
      shifts.add_observed(batch.group, batch.lengths.view(), batch.target.view());
      for (size_t v = 0; v < 2; ++v)
        shifts.add_predicted(v, batch.group, batch.lengths.view(),
                             std::as_const(predicted[v][i]).view());
    }
  }
};

/// The scores of a variant in plain loops over cells.
ShiftScores by_hand(const Sets& sets, size_t variant) {
  using Row = std::vector<double>;
  struct Pair {
    Row predicted = Row(genes), real = Row(genes);
    double cells = 0;
  };
  const Screen& screen = sets.s.screen;
  std::map<int32_t, std::map<int32_t, Pair>> contexts;
  for (size_t i = 0; i < sets.batches.size(); ++i) {
    const SetBatch& batch = sets.batches[i];
    for (size_t b = 0; b < batch.group.size(); ++b) {
      if (batch.perturbation[b] == screen.control) continue;
      Pair& pair = contexts[batch.context[b]][batch.perturbation[b]];
      for (size_t c = 0; c < size_t(batch.lengths(b)); ++c, ++pair.cells)
        for (size_t g = 0; g < genes; ++g) {
          pair.predicted[g] += sets.predicted[variant][i](b, c, g);
          pair.real[g] += double(batch.target(b, c, g));
        }
    }
  }
  ShiftScores out;
  double pairs = 0;
  for (auto& [context, all] : contexts) {
    Row control(genes);
    double cells = 0;
    for (size_t cell = 0; cell < screen.cells(); ++cell) {
      if (!screen.is_control(cell) || screen.context.codes[cell] != context) continue;
      ++cells;
      for (size_t i = 0; i < screen.expression.row_size(cell); ++i)
        control[size_t(screen.expression.row_indices(cell)[i])] +=
            double(screen.expression.row_values(cell)[i]);
    }
    for (auto& [unused, pair] : all)
      for (size_t g = 0; g < genes; ++g) {
        pair.predicted[g] = pair.predicted[g] / pair.cells - control[g] / cells;
        pair.real[g] = pair.real[g] / pair.cells - control[g] / cells;
      }
    for (const auto& entry : all) {
      const int32_t code = entry.first;
      const Pair& pair = entry.second;
      out.pearson_delta += pearson(pair.predicted, pair.real);
      const auto distance = [&, own = screen.perturbation.names[size_t(code)]](const Pair& other) {
        double sum = 0;
        for (size_t g = 0; g < genes; ++g)
          if (screen.genes[g] != own) sum += std::abs(pair.predicted[g] - other.real[g]);
        return sum;
      };
      double nearer = 0;
      for (auto& [unused, other] : all) nearer += distance(other) < distance(pair);
      out.discrimination += 1 - nearer / double(all.size());
      ++pairs;
    }
  }
  return {out.pearson_delta / pairs, out.discrimination / pairs};
}

}  // namespace

TEST_CASE("validation_shifts: the scores of the mean cells, by loops over cells", "[train]") {
  for (const bool by_batch : {false, true}) {  // groups of one pair are one pair
    const Sets sets(by_batch);
    REQUIRE(sets.source.cell_sets().groups().size() == (by_batch ? 16u : 8u));
    auto shifts = sets.shifts();
    CHECK_FALSE(shifts.scores(0).has_value());
    sets.add_to(shifts);
    for (size_t v = 0; v < 2; ++v) {
      const auto found = shifts.scores(v);
      const ShiftScores expected = by_hand(sets, v);
      REQUIRE(found.has_value());
      CHECK(found->pearson_delta == Approx(expected.pearson_delta).epsilon(1e-5));
      CHECK(found->discrimination == Approx(expected.discrimination).epsilon(1e-12));
    }
    CHECK(shifts.scores(1)->pearson_delta > shifts.scores(0)->pearson_delta);
    const double first = shifts.scores(1)->pearson_delta;
    shifts.clear();
    CHECK_FALSE(shifts.scores(1).has_value());
    sets.add_to(shifts);
    CHECK(shifts.scores(1)->pearson_delta == first);
  }
}

TEST_CASE("validation_shifts: what was observed is predicted best", "[train]") {
  const Sets sets;
  auto shifts = sets.shifts();
  for (const SetBatch& batch : sets.batches) {
    const Tensor<float, 3> nothing(batch.target.shape());
    shifts.add_observed(batch.group, batch.lengths.view(), batch.target.view());
    shifts.add_predicted(0, batch.group, batch.lengths.view(), batch.target.view());
    shifts.add_predicted(1, batch.group, batch.lengths.view(), nothing.view());
  }
  CHECK(shifts.scores(0)->pearson_delta == Approx(1).epsilon(1e-12));
  CHECK(shifts.scores(0)->discrimination == 1);
  CHECK(std::abs(shifts.scores(1)->pearson_delta) < 1);
}

TEST_CASE("validation_shifts: a constant shift correlates with nothing", "[train]") {
  StScreen s;
  s.screen.expression.values.assign(s.screen.expression.values.size(), 1);
  const SetSource source(s.screen, s.parts, Sets::options(false));
  ValidationShifts shifts(s.screen, source.cell_sets().groups(), 1);
  SetBatch batch;
  source.read_pass(0, batch);
  shifts.add_observed(batch.group, batch.lengths.view(), std::as_const(batch.target).view());
  const auto cells = random_tensor<float, 3>(batch.target.shape(), 1);
  shifts.add_predicted(0, batch.group, batch.lengths.view(), cells.view());
  CHECK(shifts.scores(0)->pearson_delta == 0);
}

TEST_CASE("validation_shifts: the same bytes on any number of threads; errors", "[train]") {
  const Sets sets;
  check_same_on_any_threads([&] {
    auto shifts = sets.shifts();
    sets.add_to(shifts);
    return std::vector<double>{shifts.scores(0)->pearson_delta, shifts.scores(1)->discrimination};
  });
  auto shifts = sets.shifts();
  const SetBatch& batch = sets.batches[0];
  const Tensor<float, 3> wide({batch.group.size(), 3, genes + 1});
  check_error<ShapeError>(
      [&] { shifts.add_predicted(0, batch.group, batch.lengths.view(), wide.view()); },
      {"ValidationShifts: genes of the cells (7)", "of the screen (6)"});
}
