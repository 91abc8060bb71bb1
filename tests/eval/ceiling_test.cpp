#include "vcell/eval/ceiling.hpp"

#include <set>

#include "support.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/eval/write_ceilings.hpp"

using namespace vcell_test;

namespace {

ExpressionGroups sized_groups(const std::vector<size_t>& sizes, size_t reference) {
  ExpressionGroups out;
  size_t row = 0;
  const auto rows = [&](size_t n) {
    std::vector<size_t> some;
    for (size_t i = 0; i < n; ++i) some.push_back(row++);
    return some;
  };
  out.reference = rows(reference);
  for (size_t t = 0; t < sizes.size(); ++t) {
    out.targets.push_back(std::string(1, char('A' + t)));
    out.rows.push_back(rows(sizes[t]));
  }
  return out;
}

LabelledCells ceiling_cells(uint64_t seed, size_t cells, const std::vector<std::string>& names) {
  return {random_cells(cells, 12, 0.6, 0, seed), numbered("g", 12), by_turns(names, cells), {}};
}

}  // namespace

TEST_CASE("split_in_halves: disjoint halves of every label that has two cells", "[eval]") {
  const auto groups = sized_groups({5, 1, 2, 8}, 7);
  for (const std::string reference : {"ctrl", "0", "Bb"}) {  // after, before, among the others
    const auto halves = split_in_halves(groups, reference, 3);
    REQUIRE(halves.real.targets == std::vector<std::string>{"A", "C", "D"});
    REQUIRE(halves.predicted.targets == halves.real.targets);
    const auto check = [](const std::vector<size_t>& a, const std::vector<size_t>& b,
                          const std::vector<size_t>& all) {
      REQUIRE(a.size() == all.size() / 2);
      REQUIRE(b.size() == all.size() / 2);
      std::set<size_t> both(a.begin(), a.end());
      both.insert(b.begin(), b.end());
      REQUIRE(both.size() == a.size() + b.size());
      for (const size_t row : both) REQUIRE(std::count(all.begin(), all.end(), row) == 1);
    };
    check(halves.real.reference, halves.predicted.reference, groups.reference);
    const std::vector<size_t> kept = {0, 2, 3};
    for (size_t i = 0; i < kept.size(); ++i)
      check(halves.real.rows[i], halves.predicted.rows[i], groups.rows[kept[i]]);
    REQUIRE(split_in_halves(groups, reference, 3).real.rows == halves.real.rows);
    REQUIRE(split_in_halves(groups, reference, 4).real.rows != halves.real.rows);
  }
  // Labels take their turns by name: the reference's place among them decides what it draws.
  REQUIRE(split_in_halves(groups, "0", 3).real.reference !=
          split_in_halves(groups, "ctrl", 3).real.reference);
  check_error<ConfigError>([&] { split_in_halves(sized_groups({4}, 1), "ctrl", 0); },
                           {"1 cells", "'ctrl'"});
  check_error<ConfigError>(
      [&] {
        split_in_halves(sized_groups({1, 1}, 4), "ctrl", 0);
      },
      {"no perturbation has 2 cells"});
}

TEST_CASE("evaluation_ceilings: one half of the cells against the other", "[eval]") {
  EvaluationOptions options{.control = "ctrl"};
  options.metrics = metrics_of("full");
  const auto sides =
      evaluation_sides(ceiling_cells(1, 121, {"ctrl", "A", "B", "g3"}), {.control = "ctrl"});
  const auto ceilings = evaluation_ceilings(sides, options, 3);
  REQUIRE(ceilings.size() == 1);
  const auto& scores = ceilings[0].scores;
  REQUIRE(scores.perturbations == std::vector<std::string>{"A", "B", "g3"});
  REQUIRE(ceilings[0].ceilings.size() == options.metrics.size());

  // By hand: the halves as two sides.
  const auto halves =
      split_in_halves({sides[0].perturbations(), sides[0].rows, sides[0].control_rows}, "ctrl", 3);
  const auto a = detail::side_of(detail::cells_of(sides[0]), halves.real, "", {"ctrl"}),
             b = detail::side_of(detail::cells_of(sides[0]), halves.predicted, "", {"ctrl"});
  const auto expected = evaluate(a, b, options).scores;
  const auto summaries = summarise(expected);
  for (size_t m = 0; m < options.metrics.size(); ++m) {
    const Metric& metric = options.metrics[m];
    INFO(metric.name);
    for (size_t t = 0; t < 3; ++t) {
      const Score x = scores.columns[m].values[t], y = expected.columns[m].values[t];
      REQUIRE(x.has_value() == y.has_value());
      if (x) REQUIRE((*x == *y || (std::isnan(*x) && std::isnan(*y))));
    }
    const Score r = summaries[m][summary_mean];
    if (metric.is_reliability && r && *r > 0)
      REQUIRE(ceilings[0].ceilings[m] == Approx(2 * *r / (1 + *r)));
    else
      REQUIRE(std::isnan(ceilings[0].ceilings[m]));
  }
  const std::set<std::string> without = {"mse",
                                         "mae",
                                         "mse_delta",
                                         "mae_delta",
                                         "edistance",
                                         "pearson_edistance",
                                         "pdisc",
                                         "pdisc_norm",
                                         "clustering_agreement",
                                         "de_nsig_counts_real",
                                         "de_nsig_counts_pred"};
  for (const Metric& metric : all_metrics())
    REQUIRE(metric.is_reliability == !without.contains(metric.name));
}

TEST_CASE("mean_ceilings: the mean over the contexts that have one, and read back", "[eval]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const ScoreTable scores{{"A"}, {{"mae", {1.}}, {"pearson_delta", {1.}}, {"overlap_at_N", {1.}}}};
  const std::vector<ContextCeiling> made = {{"K", scores, {nan, 0.5, 0.25}},
                                            {"L", scores, {nan, 0.75, nan}}};
  using Ceilings = std::vector<std::pair<std::string, double>>;
  const Ceilings expected = {{"pearson_delta", 0.625}, {"overlap_at_N", 0.25}};
  REQUIRE(mean_ceilings(made) == expected);
  REQUIRE(mean_ceilings({}).empty());
  const TemporaryFolder folder;
  write_ceilings(folder.path(), made);
  const auto files = result_files({"K", "L"});
  REQUIRE(read_mean_ceilings(folder.path(), files) == expected);
  REQUIRE(read_mean_ceilings(folder.path(), result_files({""})).empty());
  write_text(folder.path() / "L_agg_ceiling_results.csv", "mae\nx\n");
  check_error<FormatError>([&] { read_mean_ceilings(folder.path(), files); }, {"'mae'", "'x'"});
  write_text(folder.path() / "L_agg_ceiling_results.csv", "mae\n1\n");
  check_error<FormatError>([&] { read_mean_ceilings(folder.path(), files); }, {"1 columns", "3"});
  write_text(folder.path() / "L_agg_ceiling_results.csv", "mae\n");
  check_error<FormatError>([&] { read_mean_ceilings(folder.path(), files); }, {"0 rows"});
}

TEST_CASE("has_halves: two cells of the control and of a perturbation", "[eval]") {
  const auto sides = [](size_t cells) {
    return evaluation_sides(ceiling_cells(1, cells, {"ctrl", "A"}), {.control = "ctrl"});
  };
  REQUIRE(has_halves(sides(4)));
  REQUIRE_FALSE(has_halves(sides(3)));  // one cell of A
  REQUIRE(has_halves({}));
}
