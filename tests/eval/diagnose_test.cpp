#include "vcell/eval/diagnose.hpp"

#include "support.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "vcell/eval/mean_shift.hpp"

using namespace vcell_test;

namespace {

/// A table with these shifts against a control whose genes all have the mean 1.
DifferentialExpression table_of(const std::vector<std::vector<double>>& shifts, size_t cells) {
  auto de = make_expression({numbered("P", shifts.size()), numbered("g", shifts[0].size()),
                             std::vector<size_t>(shifts.size(), cells), 100});
  for (size_t g = 0; g < de.features.size(); ++g) {
    de.ref_mean(0, g) = float(std::expm1(1.0));
    for (size_t t = 0; t < shifts.size(); ++t)
      de.target_mean(t, g) = float(std::expm1(1 + shifts[t][g]));
  }
  return de;
}

using Shifts = std::vector<std::vector<double>>;

ContextEvaluation evaluation_of(const Shifts& real, const Shifts& predicted, size_t cells = 50) {
  return {"x", {}, table_of(real, cells), table_of(predicted, cells)};
}

const Shifts varied = {{1, -1, 0, 0}, {0, 0, 1, -1}, {1, 1, -1, -1}};
const Shifts alike = {{1, -1, 0, 0}, {1, -1, 0, 0.1}, {0.9, -1, 0, 0}};

}  // namespace

TEST_CASE("mean_shift: is what perturbed cells have more than control cells", "[eval]") {
  const auto X = random_cells(30, 7, 0.6, 0, 4);
  const Factor groups = by_turns({"ctrl", "A", "B"}, 30);
  const auto shift =
      mean_shift(differential_expression(X.view(), numbered("g", 7), groups, "ctrl"));
  REQUIRE(shift.shape() == Shape<2>{2, 7});
  const auto mean = [&](const char* name, size_t gene) {
    double sum = 0;
    for (float v : values_of(X, groups, name, gene)) sum += double(v);
    return sum / 10;
  };
  for (size_t t = 0; t < 2; ++t)
    for (size_t g = 0; g < 7; ++g)
      REQUIRE(shift(t, g) == Approx(mean(t ? "B" : "A", g) - mean("ctrl", g)).margin(1e-6));
  REQUIRE(mean_shift(table_of({{}}, 5)).count() == 0);
  const ExpressionTable arithmetic(differential_expression(X.view(), numbered("g", 7), groups,
                                                           "ctrl", {.geometric_mean = false}));
  check_error<ConfigError>([&] { mean_shift(*arithmetic.whole()); },
                           {"mean_shift", "arithmetic", "geometric_mean"});
  check_error<ConfigError>([&] { mean_shift(*arithmetic.block(1, 2)); }, {"arithmetic"});
}

TEST_CASE("diagnose: similarity is the mean correlation of all pairs", "[eval]") {
  const auto found = diagnose(evaluation_of(varied, alike));
  const auto mean = [](const Shifts& shifts) {
    return (pearson(shifts[0], shifts[1]) + pearson(shifts[0], shifts[2]) +
            pearson(shifts[1], shifts[2])) /
           3;
  };
  REQUIRE(found.similarity_real == Approx(mean(varied)).margin(1e-6));
  REQUIRE(found.similarity_predicted == Approx(mean(alike)).margin(1e-6));
}

TEST_CASE("diagnose: size_ratio is a median", "[eval]") {
  Shifts scaled = varied;
  for (size_t t = 0; t < 3; ++t)
    for (double& x : scaled[t]) x *= std::vector<double>{0.5, 3, 0.25}[t];
  REQUIRE(diagnose(evaluation_of(varied, scaled)).size_ratio == Approx(0.5).epsilon(1e-6));
}

TEST_CASE("diagnose: nothing to compare gives NaN and no warning", "[eval]") {
  const auto still = evaluation_of({{0, 0, 0}}, {{0, 0, 0}});
  const auto found = diagnose(still);
  REQUIRE(std::isnan(found.similarity_real));
  REQUIRE(std::isnan(found.similarity_predicted));
  REQUIRE(std::isnan(found.size_ratio));
  REQUIRE(warnings(still).empty());
}

TEST_CASE("diagnose: warnings carry their figures", "[eval]") {
  REQUIRE(warnings(evaluation_of(varied, varied)).empty());
  const auto collapsed = warnings(evaluation_of(varied, alike));
  REQUIRE(collapsed.size() == 1);
  REQUIRE_THAT(collapsed[0], contains("Collapse to the mean in 'x'") &&
                                 contains("correlation 1)") && contains("(0)"));
  REQUIRE(warnings(evaluation_of(alike, varied)).empty());

  Shifts small = varied;
  for (auto& row : small)
    for (double& x : row) x *= 0.1;
  const auto sizes = warnings(evaluation_of(varied, small));
  REQUIRE(sizes.size() == 1);
  REQUIRE_THAT(sizes[0], contains("Small shifts in 'x'") && contains("0.1 times"));
  const auto inflated = warnings(evaluation_of(small, varied));
  REQUIRE(inflated.size() == 1);
  REQUIRE_THAT(inflated[0], contains("Scale inflation in 'x'") && contains("10 times"));

  auto few = evaluation_of(varied, varied, 7);
  auto table = *few.real_de.whole();
  table.ref_membership = 3;
  table.target_membership[1] = 30;
  few.real_de = table;
  const auto counted = warnings(few);
  REQUIRE(counted.size() == 2);
  REQUIRE_THAT(counted[0], contains("2 of 3") && contains(": P0 (7), P2 (7);") && !contains("P1"));
  REQUIRE_THAT(counted[1], contains("Few control cells") && contains(": 3;"));
}

TEST_CASE("diagnose: a metric at an end of its range is named", "[eval]") {
  auto evaluation = evaluation_of(varied, varied);
  const auto with = [&](const char* name, std::vector<Score> values) {
    evaluation.scores = {numbered("P", values.size()), {{name, std::move(values)}}};
    return warnings(evaluation);
  };
  const auto best = with("overlap_at_N", {1, 0.99, 1});
  REQUIRE(best.size() == 1);
  REQUIRE_THAT(best[0], contains("Near the ceiling in 'x'") && contains("best") &&
                            contains(": overlap_at_N (0.997);"));
  const auto worst = with("overlap_at_N", {0, 0.02, std::nullopt});
  REQUIRE(worst.size() == 1);
  REQUIRE_THAT(worst[0], contains("Near the floor in 'x'") && contains("worst") &&
                             contains(": overlap_at_N (0.01);"));
  // Several are one sentence.
  evaluation.scores.columns.push_back({"pearson_delta", {-1, -1, -1}});
  const auto both = warnings(evaluation);
  REQUIRE(both.size() == 1);
  REQUIRE_THAT(both[0], contains(": overlap_at_N (0.01), pearson_delta (-1);"));
  REQUIRE(with("overlap_at_N", {0.03, 0.05, 0.9}).empty());
  REQUIRE(with("overlap_at_N", {std::nullopt, std::nullopt, std::nullopt}).empty());
  // Without two ends, or unknown, nothing can be said.
  REQUIRE(with("mae", {0, 0, 0}).empty());
  REQUIRE(with("of_my_own", {0, 0, 0}).empty());
}

TEST_CASE("diagnose: what the cells warn of comes first", "[eval]") {
  LabelledCells real{random_cells(120, 20, 0.6, 0, 8),
                     numbered("g", 20),
                     by_turns({"A", "B", "non-targeting"}, 120),
                     {}};
  auto predicted = real;
  predicted.X = random_cells(120, 20, 0.6, 0, 9);
  for (const size_t row : {0, 1})
    for (float& x : predicted.X.row_values(row)) x = std::ceil(x);
  const auto evaluation = evaluate(real, predicted);
  REQUIRE(evaluation.warnings.size() == 1);
  REQUIRE_THAT(evaluation.warnings[0], contains("Mixed scales: 2 of 120 predicted"));
  const auto all = warnings(evaluation);
  REQUIRE(all.front() == evaluation.warnings[0]);
  REQUIRE(all.size() == 1 + warnings(evaluation.contexts[0]).size());
  REQUIRE(evaluate(real, real).warnings.size() == 1);  // totals that are the real ones
}
