#include "golden_support.hpp"
#include "support/golden.hpp"
#include "vcell/eval/evaluate.hpp"

using namespace vcell_test;

namespace {

/// The value of an option in the command line that made the folder, e.g. of "--pert-col".
std::string argument(const std::filesystem::path& folder, const std::string& name) {
  const std::string text = read_text(folder / "meta.json");
  const size_t begin = text.find(name + ' ') + name.size() + 1;
  REQUIRE(begin > name.size());
  return text.substr(begin, text.find_first_of(" \"", begin) - begin);
}

LabelledCells read_side(const std::filesystem::path& folder, const char* file) {
  AnnData adata = read_h5ad(folder / file);
  return {to_csr<float>(std::move(*adata.X)),
          adata.var.index,
          factor(adata.obs.column(argument(folder, "--pert-col"))),
          {}};
}

ContextEvaluation evaluate_golden(const std::filesystem::path& folder) {
  const auto result = evaluate(read_side(folder, "real.h5ad"), read_side(folder, "pred.h5ad"),
                               {.control = argument(folder, "--control-pert")});
  REQUIRE(result.contexts.size() == 1);
  REQUIRE(result.left_out.empty());
  return result.contexts[0];
}

/// How far a score may be from cell-eval's: ranks are exact, counts of genes nearly so, and the
/// peer's mean expression is float32.
double bound(const std::string& score) {
  if (score.starts_with("discrimination")) return 0;
  return score.starts_with("overlap") ? 1e-9 : 1e-6;
}

void require_score(const Score& score, const std::string& expected, double within) {
  REQUIRE(score.has_value() == !expected.empty());
  if (!score) return;
  const double number = parse_number(expected).value();
  if (std::isnan(number))
    REQUIRE(std::isnan(*score));
  else
    REQUIRE(agrees(*score, number, within, 0));
}

/// Compares these columns of results.csv and agg_results.csv of a folder.
void require_results(const ContextEvaluation& evaluation, const std::filesystem::path& folder,
                     const std::vector<std::string>& names) {
  const CsvTable results = read_csv(folder / "results.csv");
  const CsvTable aggregate = read_csv(folder / "agg_results.csv");
  const auto& scores = evaluation.scores;
  REQUIRE(results.rows.size() == scores.perturbations.size());
  REQUIRE(aggregate.rows.size() == summary_statistics.size());
  for (const std::string& name : names) {
    const auto& values = scores.column(name);
    for (size_t p = 0; p < values.size(); ++p) {
      INFO(name << " of " << scores.perturbations[p]);
      REQUIRE(results.rows[p][results.column("perturbation")] == scores.perturbations[p]);
      require_score(values[p], results.rows[p][results.column(name)], bound(name));
    }
    const Summary summary = summarise(values);
    for (size_t s = 0; s < summary.size(); ++s) {
      INFO(summary_statistics[s] << " of " << name);
      REQUIRE(aggregate.rows[s][aggregate.column("statistic")] == summary_statistics[s]);
      // Even where each score is exact, the order of a sum is not.
      require_score(summary[s], aggregate.rows[s][aggregate.column(name)],
                    std::max(bound(name), 1e-12));
    }
  }
}

}  // namespace

TEST_CASE("evaluate: cell-eval's profile vcc", "[eval][golden]") {
  const auto folder = golden_folder("evaluation");
  if (!folder) VCELL_SKIP("golden folder evaluation is absent");
  const auto evaluation = evaluate_golden(*folder);
  const auto header = read_csv(*folder / "vcc" / "results.csv").header;
  const std::vector<std::string> names(header.begin() + 1, header.end());
  for (size_t i = 0; i < names.size(); ++i)
    REQUIRE(evaluation.scores.columns.at(i).name == names[i]);
  require_results(evaluation, *folder / "vcc", names);
}

TEST_CASE("evaluate: cell-eval's pearson_delta and mae_delta", "[eval][golden]") {
  const auto folder = golden_folder("evaluation");
  if (!folder) VCELL_SKIP("golden folder evaluation is absent");
  require_results(evaluate_golden(*folder), *folder / "full", {"pearson_delta", "mae_delta"});
}

TEST_CASE("evaluate: cell-eval's tables of differential expression", "[eval][golden]") {
  const auto folder = golden_folder("evaluation");
  if (!folder) VCELL_SKIP("golden folder evaluation is absent");
  const auto evaluation = evaluate_golden(*folder);
  const TableBounds bounds{.mean_relative = 5e-7,  // same sums, an expm1 of another library
                           .log2_absolute = 2e-6,
                           .log2_relative = 0,
                           .percent_absolute = 2e-6,
                           .percent_relative = 2e-6,
                           .p_relative = 1e-12};
  require_table(*evaluation.real_de.whole(), read_csv(*folder / "full" / "real_de.csv"), bounds);
  require_table(*evaluation.predicted_de.whole(), read_csv(*folder / "full" / "pred_de.csv"),
                bounds);
}
