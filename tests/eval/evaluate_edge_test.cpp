// Evaluations that are small, in an embedding, of counts or of finished tables.
#include "support.hpp"
#include "support/catch.hpp"
#include "vcell/eval/evaluate.hpp"

using namespace vcell_test;

namespace {

LabelledCells edge_cells(uint64_t seed, size_t cells = 60) {
  return {random_cells(cells, 12, 0.6, 0, seed),
          numbered("g", 12),
          by_turns({"ctrl", "g3", "A", "ctrl", "g1"}, cells),
          {}};
}

const EvaluationOptions edge_options{.control = "ctrl"};

}  // namespace

TEST_CASE("evaluate: few perturbations and cells leave scores undefined, not wrong", "[eval]") {
  auto all = edge_options;
  all.metrics = all_metrics();
  const auto few = [](uint64_t seed, const std::vector<std::string>& labels) {
    LabelledCells out{
        random_cells(labels.size(), 12, 0.6, 0, seed), numbered("g", 12), factor(labels), {}};
    return out;
  };
  // One cell of everything, one perturbation.
  const std::vector<std::string> one = {"ctrl", "A"};
  const auto scores = evaluate(few(1, one), few(2, one), all).contexts[0].scores;
  REQUIRE(scores.column("discrimination_score_l1")[0] == 1);
  REQUIRE(scores.column("pdisc")[0] == 0);
  REQUIRE(scores.column("pdisc_norm")[0] == 1);
  REQUIRE(std::isnan(*scores.column("pearson_edistance")[0]));
  REQUIRE(scores.column("de_spearman_sig")[0] == 1);
  REQUIRE(scores.column("de_nsig_counts_real")[0] == 0);
  REQUIRE(scores.column("overlap_at_N")[0] == 0);
  for (const char* name : {"de_direction_match", "de_spearman_lfc_sig", "de_sig_genes_recall",
                           "de_score", "de_score_p"})
    REQUIRE(scores.column(name)[0] == std::nullopt);
  for (const char* name : {"pr_auc", "roc_auc"}) REQUIRE(std::isnan(*scores.column(name)[0]));
  REQUIRE(std::isfinite(*scores.column("mse")[0]));
  // The energy distance to the control of one cell each is twice their distance.
  const auto side = evaluation_sides(few(1, one), {.control = "ctrl"})[0];
  REQUIRE(side.from_control()[0] ==
          Approx(2 * std::sqrt(squared_distance(side.sets()[0], 0,
                                                {side.cells->view(), side.control_rows}, 0))));
}

TEST_CASE("evaluate: the energy distance to the control counts pairs of a cell with itself",
          "[eval]") {
  const auto side = evaluation_sides(edge_cells(1), {.control = "ctrl"})[0];
  const CellSet control{side.cells->view(), side.control_rows};
  const auto mean = [](const CellSet& x, const CellSet& y) {
    double sum = 0;
    for (size_t i = 0; i < x.size(); ++i)
      for (size_t j = 0; j < y.size(); ++j) sum += std::sqrt(squared_distance(x, i, y, j));
    return sum / double(x.size() * y.size());
  };
  const auto sets = side.sets();
  for (size_t t = 0; t < sets.size(); ++t)
    REQUIRE(side.from_control()[t] ==
            Approx(2 * mean(sets[t], control) - mean(sets[t], sets[t]) - mean(control, control))
                .epsilon(1e-5));
}

TEST_CASE("evaluate: Euclidean and cosine discrimination are in an embedding where there is one",
          "[eval]") {
  auto real = edge_cells(1), predicted = edge_cells(2);
  auto pds = edge_options;
  pds.metrics = metrics_of("pds");
  const auto over_genes = evaluate(real, predicted, pds).contexts[0].scores;
  const auto embed = [](LabelledCells& cells, size_t dimensions, double sign) {
    cells.embedding = Tensor<float, 2>({cells.X.rows, dimensions});
    for (size_t i = 0; i < cells.X.rows; ++i)
      cells.embedding(i, size_t(cells.perturbation.codes[i]) % dimensions) = float(sign);
  };
  embed(real, 4, 1);
  embed(predicted, 4, 1);
  const auto apart = evaluate(real, predicted, pds).contexts[0].scores;
  REQUIRE(apart.column("discrimination_score_l1") == over_genes.column("discrimination_score_l1"));
  for (const char* name : {"discrimination_score_l2", "discrimination_score_cosine"})
    REQUIRE(apart.column(name) == std::vector<Score>(3, 1.0));
  embed(predicted, 4, -1);
  const auto turned = evaluate(real, predicted, pds).contexts[0].scores;
  REQUIRE(turned.column("discrimination_score_cosine") != std::vector<Score>(3, 1.0));
  embed(predicted, 3, 1);
  REQUIRE_THROWS_WITH(evaluate(real, predicted, pds), contains("4 dimensions") && contains("3"));
  predicted.embedding = {};
  REQUIRE_THROWS_WITH(evaluate(real, predicted, pds), contains("4 dimensions") && contains("0"));
  embed(predicted, 4, std::nan(""));
  REQUIRE_THROWS_WITH(evaluate(real, predicted, pds), contains("the embedding holds nan"));
  predicted.embedding = Tensor<float, 2>({2, 4});
  REQUIRE_THROWS_AS(evaluate(real, predicted, pds), ShapeError);
}

TEST_CASE("evaluate: counts as they are", "[eval]") {
  const auto counts = [](uint64_t seed) {
    auto out = edge_cells(seed);
    for (float& x : out.X.values) x = std::floor(9 * x) + 1;
    out.scale = Scale::counts;
    return out;
  };
  const auto real = counts(1), predicted = counts(2);
  const auto result = evaluate(real, predicted, edge_options);
  const auto de = result.contexts[0].real_de.whole();
  // Means are of log1p of the counts.
  const auto values = values_of(real.X, real.perturbation, "A", 0);
  double sum = 0;
  for (const float x : values) sum += std::log1p(double(x));
  REQUIRE(de->target_mean(0, 0) == Approx(std::expm1(sum / double(values.size()))).epsilon(1e-5));
  double mean = 0;
  for (const float x : values) mean += double(x) / double(values.size());
  const auto side = evaluation_sides(real, {.control = "ctrl"})[0];
  REQUIRE(side.mean(0, 0) == Approx(mean));
  REQUIRE(side.scale == Scale::counts);
  REQUIRE_THROWS_WITH(evaluate(real, edge_cells(2), edge_options),
                      contains("counts") && contains("log1p"));
  auto negative = predicted;
  negative.X.values[0] = -1;
  REQUIRE_THROWS_WITH(evaluate(real, negative, edge_options), contains("-1") && contains("count"));
  // Totals of files of their own do not keep them from being compared.
  auto a = edge_cells(1), b = edge_cells(2);
  a.target_sum = 100;
  b.target_sum = 200;
  a.is_own_total = b.is_own_total = true;
  REQUIRE_NOTHROW(evaluate(a, b, edge_options));
  b.is_own_total = false;
  REQUIRE_THROWS_WITH(evaluate(a, b, edge_options), contains("normalised to 100"));
}

TEST_CASE("evaluate: a finished table takes the place of one that is measured", "[eval]") {
  auto untested = edge_options;
  untested.tests_real = false;
  auto sides = compared_sides(edge_cells(1), edge_cells(2), untested);
  REQUIRE_FALSE(sides.real[0].expression.is_kept());
  REQUIRE(sides.predicted[0].expression.is_kept());
  auto table = *sides.real[0].expression.whole();
  for (double& fdr : table.fdr.values()) fdr = 0.001;
  const auto side = with_expression(sides.real[0], table);
  auto counting = edge_options;
  counting.metrics = {metrics::de_nsig_counts_real()};
  REQUIRE(evaluate(side, sides.predicted[0], counting).scores.columns[0].values ==
          std::vector<Score>(3, 12.0));
  table.targets[1] = "g2";
  REQUIRE_THROWS_WITH(with_expression(sides.real[0], table),
                      contains("only in the table: 'g2'") && contains("only in the cells: 'g1'"));
  table.targets[1] = "g1";
  std::swap(table.features[0], table.features[1]);
  REQUIRE_THROWS_WITH(with_expression(sides.real[0], table), contains("genes"));
}

TEST_CASE("evaluate: scores do not depend on the order of cells and genes", "[eval]") {
  auto all = edge_options;
  all.metrics = all_metrics();
  const auto real = edge_cells(1, 100), predicted = edge_cells(2, 100);
  std::vector<size_t> rows, columns;
  for (size_t i = 0; i < 100; ++i) rows.push_back((i * 37 + 5) % 100);
  for (size_t g = 0; g < 12; ++g) columns.push_back((g * 5 + 1) % 12);
  const auto shuffled = [&](LabelledCells cells) {
    const auto labels = cells.perturbation.codes;
    for (size_t i = 0; i < rows.size(); ++i) cells.perturbation.codes[i] = labels[rows[i]];
    const auto genes = cells.genes;
    for (size_t g = 0; g < columns.size(); ++g) cells.genes[g] = genes[columns[g]];
    cells.X = select_columns(select_rows(cells.X, std::span<const size_t>(rows)),
                             std::span<const size_t>(columns));
    return cells;
  };
  const auto a = evaluate(real, predicted, all).contexts[0].scores,
             b = evaluate(shuffled(real), shuffled(predicted), all).contexts[0].scores;
  for (size_t m = 0; m < a.columns.size(); ++m)
    for (size_t t = 0; t < 3; ++t) {
      INFO(a.columns[m].name);
      const Score x = a.columns[m].values[t], y = b.columns[m].values[t];
      REQUIRE(x.has_value() == y.has_value());
      if (!x || std::isnan(*x))
        REQUIRE((!x || std::isnan(*y)));
      else
        REQUIRE(*x == Approx(*y).epsilon(1e-5).margin(1e-6));
    }
}
