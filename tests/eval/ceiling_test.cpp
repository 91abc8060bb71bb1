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

TEST_CASE("level_ceilings: cells of some guides against those of the others", "[eval]") {
  EvaluationOptions options{.control = "ctrl"};
  options.metrics = metrics_of("full");
  // Cells of each label by turns with its two guides; B has one, and one cell of A none.
  const size_t n = 160;
  auto cells = ceiling_cells(1, n, {"ctrl", "A", "B", "g3"});
  std::vector<std::string> guides;
  std::vector<uint8_t> missing(n, 0);
  for (size_t i = 0; i < n; ++i) {
    const std::string label = cells.perturbation.names[size_t(cells.perturbation.codes[i])];
    guides.push_back(label + (label != "B" && i / 4 % 2 ? "_2" : "_1"));
  }
  missing[1] = 1;
  const auto levels = factor(guides, missing);
  const auto sides = evaluation_sides(cells, {.control = "ctrl"});
  const auto found = level_ceilings(sides, "guide", levels, options, 0);
  REQUIRE(found.by == "guide");
  REQUIRE(found.contexts.size() == 1);
  REQUIRE(found.warnings ==
          std::vector<std::string>{
              "Ceiling by 'guide': 1 cells have no level and are left out",
              "Ceiling by 'guide': 1 of 3 perturbations have cells in one half of the levels alone "
              "and are left out: 'B'"});
  REQUIRE(found.levels.at(0).size() == 7);

  // By hand: each part as a file of its own, scored as a prediction.
  std::vector<LabelledCells> parts;
  for (const bool real : {true, false}) {
    LabelledCells part = cells;
    for (size_t i = 0; i < n; ++i) {
      bool is_in = false;
      for (const DividedLevel& level : found.levels[0])
        is_in = is_in || (level.level == guides[i] && level.is_real == real);
      if (!is_in || missing[i] || guides[i] == "B_1") part.perturbation.codes[i] = -1;
    }
    parts.push_back(part);
  }
  const auto expected = evaluate(parts[0], parts[1], options).contexts.at(0).scores;
  const auto& scores = found.contexts[0].scores;
  REQUIRE(scores.perturbations == std::vector<std::string>{"A", "g3"});
  REQUIRE(expected.perturbations == scores.perturbations);
  for (size_t m = 0; m < options.metrics.size(); ++m) {
    INFO(options.metrics[m].name);
    for (size_t t = 0; t < 2; ++t) {
      const Score x = scores.columns[m].values[t], y = expected.columns[m].values[t];
      REQUIRE(x.has_value() == y.has_value());
      if (x) REQUIRE((*x == *y || (std::isnan(*x) && std::isnan(*y))));
    }
    const Score r = summarise(expected)[m][summary_mean];
    if (options.metrics[m].is_reliability && r && *r > 0)
      REQUIRE(found.contexts[0].ceilings[m] == Approx(2 * *r / (1 + *r)));
    else
      REQUIRE(std::isnan(found.contexts[0].ceilings[m]));
  }
  check_error<ShapeError>(
      [&] {
        level_ceilings(sides, "guide", {{"x"}, {0}}, options, 0);
      },
      {"levels", "160"});
}

TEST_CASE("level_ceilings: a batch effect lowers them", "[eval]") {
  EvaluationOptions options{.control = "ctrl"};
  options.metrics = {metric_named("mae"), metric_named("mae_delta")};
  auto cells = ceiling_cells(3, 400, {"ctrl", "A", "B", "C"});
  std::vector<std::string> batches;
  for (size_t i = 0; i < 400; ++i) {
    batches.push_back(i / 4 % 2 ? "day 1" : "day 2");
    if (i / 4 % 2)
      for (float& x : cells.X.row_values(i)) x += 3;
  }
  const auto sides = evaluation_sides(cells, {.control = "ctrl"});
  const auto between = level_ceilings(sides, "batch", factor(batches), options, 0);
  const auto within = evaluation_ceilings(sides, options, 0);
  REQUIRE(between.warnings.empty());
  const auto mean = [&](const ContextCeiling& c, size_t m) {
    return summarise(c.scores)[m][summary_mean].value();
  };
  // 60 % of the values are not 0 and differ by 3; each batch has controls of its own.
  REQUIRE(mean(between.contexts[0], 0) == Approx(1.8).epsilon(0.1));
  REQUIRE(mean(within[0], 0) < 0.5);
  REQUIRE(mean(between.contexts[0], 1) < 0.7);
}

TEST_CASE("level_ceilings: contexts that cannot be divided are said", "[eval]") {
  EvaluationOptions options{.control = "ctrl"};
  options.metrics = metrics_of("minimal");
  auto cells = ceiling_cells(1, 80, {"ctrl", "A"});
  std::vector<std::string> contexts, levels;
  for (size_t i = 0; i < 80; ++i) {
    contexts.push_back(i < 40 ? "K" : "L");
    levels.push_back(i < 40 || i % 2 == 0 ? "1" : i / 2 % 2 ? "1" : "2");
  }
  cells.context = factor(contexts);
  const auto sides = evaluation_sides(cells, {.control = "ctrl"});
  const auto found = level_ceilings(sides, "lane", factor(levels), options, 0);
  REQUIRE(found.contexts.size() == 1);
  REQUIRE(found.contexts[0].context == "L");
  REQUIRE(found.levels.size() == 1);
  REQUIRE(found.warnings.size() == 2);
  REQUIRE_THAT(found.warnings[0], contains("'lane' in 'K': no perturbation has cells in both"));
  REQUIRE_THAT(found.warnings[1], contains("'lane' in 'L': the control's cells are all in one"));

  // What is written is read back, of the columns that have a ceiling.
  const TemporaryFolder folder;
  const std::vector<LevelCeilings> columns = {found, {"guide", {}, {}, {"none"}}};
  write_level_ceilings(folder.path(), columns);
  const auto means = mean_level_ceilings(columns), read = read_mean_level_ceilings(folder.path());
  REQUIRE(means.size() == 1);
  REQUIRE(read.size() == 1);
  REQUIRE(read[0].by == "lane");
  REQUIRE(read[0].metrics == means[0].metrics);
  const auto scores = read_csv(folder.path() / "ceiling_by_results.csv");
  REQUIRE(scores.header.size() == 3 + options.metrics.size());
  REQUIRE(scores.rows.size() == 1);
  REQUIRE(scores.rows[0][2] == "A");
  const auto divided = read_csv(folder.path() / "ceiling_by_levels.csv");
  REQUIRE(divided.header == std::vector<std::string>{"by", "context", "level", "part", "cells"});
  REQUIRE(divided.rows ==
          std::vector<std::vector<std::string>>{{"lane", "L", "1", "real", "30"},
                                                {"lane", "L", "2", "predicted", "10"}});
  write_text(folder.path() / "agg_ceiling_by_results.csv", "by,context,mae\nlane,L,x\n");
  check_error<FormatError>([&] { read_mean_level_ceilings(folder.path()); }, {"'mae'", "'x'"});
  write_text(folder.path() / "agg_ceiling_by_results.csv", "context,by\n");
  check_error<FormatError>([&] { read_mean_level_ceilings(folder.path()); }, {"'by'", "'context'"});
  const TemporaryFolder empty;
  write_level_ceilings(empty.path(), {{"guide", {}, {}, {"none"}}});
  REQUIRE(std::filesystem::is_empty(empty.path()));
  REQUIRE(read_mean_level_ceilings(empty.path()).empty());
}

TEST_CASE("has_halves: two cells of the control and of a perturbation", "[eval]") {
  const auto sides = [](size_t cells) {
    return evaluation_sides(ceiling_cells(1, cells, {"ctrl", "A"}), {.control = "ctrl"});
  };
  REQUIRE(has_halves(sides(4)));
  REQUIRE_FALSE(has_halves(sides(3)));  // one cell of A
  REQUIRE(has_halves({}));
}
