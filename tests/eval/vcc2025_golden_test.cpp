#include <cmath>
#include <filesystem>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/golden.hpp"
#include "vcell/eval/aggregate_files.hpp"
#include "vcell/eval/vcc2025/score_cells.hpp"
#include "vcell/io/h5ad/read_h5ad.hpp"

using namespace vcell;

namespace {

LabelledCells labelled_cells_in(const std::filesystem::path& file) {
  AnnData a = read_h5ad(file);
  LabelledCells out;
  out.X = a.X->take_csr<float>();
  out.genes = a.var.index;
  out.perturbation = factor(a.obs.column("target_gene"));
  return out;
}

bool is_near_2025(double found, const std::string& expected, double absolute, double relative = 0) {
  const double e = parse_number(expected).value();
  return found == e || std::abs(found - e) <= absolute + relative * std::abs(e);
}

void require_scores_2025(const ScoreTable& scores, const std::filesystem::path& file) {
  const CsvTable table = read_csv(file);
  REQUIRE(table.rows.size() == scores.perturbations.size());
  for (size_t t = 0; t < table.rows.size(); ++t) {
    REQUIRE(table.rows[t][table.column("perturbation")] == scores.perturbations[t]);
    for (const ScoreColumn& column : scores.columns) {
      INFO(file << ", " << column.name << " of " << scores.perturbations[t]);
      // Overlap and discrimination are ranks and counts.
      CHECK(is_near_2025(*column.values[t], table.rows[t][table.column(column.name)],
                         column.name == "mae" ? 1e-6 : 1e-12));
    }
  }
}

/// Compares a table with pdex's, whose targets are in the order of their first cells.
void require_expression_2025(const ExpressionTable& found, const std::filesystem::path& file) {
  const auto de = found.whole();
  const CsvTable table = read_csv(file);
  REQUIRE(table.rows.size() == de->targets.size() * de->features.size());
  const NamePlaces targets(de->targets), features(de->features);
  for (const auto& row : table.rows) {
    const auto field = [&](const char* name) { return row[table.column(name)]; };
    const size_t t = targets.find(field("target")).value(),
                 g = features.find(field("feature")).value();
    INFO(file << ", " << field("target") << ", " << field("feature"));
    CHECK(is_near_2025(de->p_value(t, g), field("p_value"), 1e-6));
    CHECK(is_near_2025(de->fdr(t, g), field("fdr"), 1e-6));
    CHECK(is_near_2025(de->statistic(t, g), field("statistic"), 0));
    CHECK(is_near_2025(std::exp2(de->log2_fold_change(t, g)), field("fold_change"), 0, 5e-6));
  }
}

}  // namespace

TEST_CASE("vcc2025: the golden prediction", "[eval][golden]") {
  const auto golden = vcell_test::golden_folder("challenge");
  if (!golden) VCELL_SKIP("no folder challenge");
  const auto folder = *golden / "2025";
  const auto real = labelled_cells_in(folder / "real.h5ad"),
             predicted = labelled_cells_in(folder / "pred.h5ad");
  const auto found = vcc2025::score_cells(real, predicted);
  REQUIRE(found.prediction.contexts.size() == 1);
  const auto& context = found.prediction.contexts[0];
  require_scores_2025(context.scores, folder / "results.csv");
  require_scores_2025(found.baseline.contexts[0].scores, folder / "baseline_results.csv");
  require_expression_2025(context.real_de, folder / "real_de.csv");
  require_expression_2025(context.predicted_de, folder / "pred_de.csv");

  const CsvTable mean = read_csv(folder / "baseline_mean.csv");
  REQUIRE(mean.rows.size() == real.genes.size());
  for (size_t g = 0; g < real.genes.size(); ++g) {
    REQUIRE(mean.rows[g][mean.column("gene")] == real.genes[g]);
    CHECK(is_near_2025(found.constant_cell[g], mean.rows[g][mean.column("mean")], 0, 5e-6));
  }
  const CsvTable score = read_csv(folder / "score.csv");
  REQUIRE(score.rows.size() == found.score.scores.size() + 1);
  for (size_t i = 0; i < found.score.scores.size(); ++i) {
    CHECK(score.rows[i][0] == found.score.scores[i].metric);
    CHECK(is_near_2025(found.score.scores[i].score, score.rows[i][1], 1e-6));
  }
  CHECK(is_near_2025(found.score.average, score.rows.back()[1], 1e-6));
  for (const auto& [scores, file] :
       {std::pair(&context.scores, "agg_results.csv"),
        std::pair(&found.baseline.contexts[0].scores, "baseline_agg_results.csv")}) {
    const auto expected = read_aggregates(folder / file);
    const auto aggregates = aggregate_scores(*scores);
    REQUIRE(expected.size() == aggregates.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      CHECK(expected[i].metric == aggregates[i].metric);
      CHECK(std::abs(*expected[i].mean - *aggregates[i].mean) <= 1e-6);
    }
  }
}

TEST_CASE("vcc2025: sides that differ are refused", "[eval][golden]") {
  const auto golden = vcell_test::golden_folder("challenge");
  if (!golden) VCELL_SKIP("no folder challenge");
  const auto real = labelled_cells_in(*golden / "2025/real.h5ad");
  auto other = real;
  other.genes[0] = "none";
  vcell_test::check_error<ConfigError>([&] { vcc2025::score_cells(real, other); }, {"'none'"});
  other = real;
  for (float& x : other.X.values) x = std::round(x);
  vcell_test::check_error<ConfigError>([&] { vcc2025::score_cells(real, other); },
                                       {"predicted", "whole numbers"});
  other = real;
  other.context = other.perturbation;
  vcell_test::check_error<ConfigError>([&] { vcc2025::score_cells(real, other); }, {"contexts"});
}
