#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/golden.hpp"
#include "vcell/eval/vcc2026/score_context.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/h5ad/read_h5ad.hpp"
#include "vcell/io/json.hpp"

using namespace vcell;

namespace {

constexpr double vcc2026_bound = 1e-9;

/// The folders of contexts.
std::vector<std::filesystem::path> contexts_of_2026() {
  const auto folder = vcell_test::golden_folder("challenge");
  std::vector<std::filesystem::path> out;
  if (!folder) return out;
  for (const auto& entry : std::filesystem::directory_iterator(*folder / "2026"))
    if (entry.is_directory()) out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

vcc2026::CountCells count_cells_in(const std::filesystem::path& file) {
  AnnData a = read_h5ad(file);
  vcc2026::CountCells out;
  out.X = a.X->take_csr<float>();
  out.genes = a.var.index;
  out.cells = a.obs.index;
  out.perturbation = factor(a.obs.column("target_gene"));
  return out;
}

double number_at(const CsvTable& table, size_t row, const char* column) {
  const std::string& text = table.rows[row][table.column(column)];
  return text.empty() ? NAN : parse_number(text).value();
}

bool is_close(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return a == b || std::abs(a - b) <= 1e-12 + vcc2026_bound * std::abs(b);
}

/// Compares scores with results.csv: (perturbation, metric, value), rows that are absent are null.
void require_long_table(const vcc2026::Comparison& found, const std::filesystem::path& file) {
  std::map<std::pair<std::string, std::string>, double> expected;
  const CsvTable table = read_csv(file);
  for (size_t r = 0; r < table.rows.size(); ++r)
    expected[{table.rows[r][table.column("perturbation")], table.rows[r][table.column("metric")]}] =
        number_at(table, r, "value");
  size_t compared = 0;
  for (const ScoreColumn& column : found.scores.columns)
    for (size_t t = 0; t < found.scores.perturbations.size(); ++t) {
      INFO(file << ", " << column.name << " of " << found.scores.perturbations[t]);
      const auto at = expected.find({found.scores.perturbations[t], column.name});
      REQUIRE((at != expected.end()) == column.values[t].has_value());
      if (at == expected.end()) continue;
      CHECK(is_close(*column.values[t], at->second));
      ++compared;
    }
  // expr_real_mass_ratio is no score, and its formula is not known.
  for (const auto& [key, value] : expected)
    if (key.second == "expr_real_mass_ratio") ++compared;
  CHECK(compared == expected.size());
}

/// Compares the mean row of a table of aggregates.
void require_aggregates(const vcc2026::Comparison& found, const std::filesystem::path& file) {
  const CsvTable table = read_csv(file);
  size_t row = 0;
  while (table.rows[row][table.column("statistic")] != "mean") ++row;
  for (size_t m = 0; m < vcc2026::n_scored; ++m) {
    const std::string name(vcc2026::scored_metrics[m].name);
    INFO(file << ", " << name);
    CHECK(is_close(found.aggregates[m], number_at(table, row, name.c_str())));
  }
}

void require_parts(const vcc2026::ContextScore& score, const vcc2026::CountSide& real,
                   const vcc2026::CountSide& predicted, const std::filesystem::path& folder) {
  const CsvTable table = read_csv(folder / "parts.csv");
  const auto& found = score.prediction;
  REQUIRE(table.rows.size() == found.scores.perturbations.size());
  for (size_t t = 0; t < table.rows.size(); ++t) {
    const auto number = [&](const char* column) { return number_at(table, t, column); };
    INFO(folder << ", " << found.scores.perturbations[t]);
    REQUIRE(table.rows[t][table.column("perturbation")] == found.scores.perturbations[t]);
    CHECK(double(real.expression.target_membership()[t]) == number("n_cells_real"));
    CHECK(double(predicted.expression.target_membership()[t]) == number("n_cells_pred"));
    CHECK(found.mse.genes[t] == number("G_p"));
    CHECK(is_close(real.bulk.variance[t], number("C_real")));
    CHECK(is_close(predicted.bulk.variance[t], number("C_pred")));
    CHECK(is_close(found.mse.capped[t], number("N_p")));
    CHECK(is_close(found.mse.distance[t], number("D_p")));
    CHECK(double(found.fidelity[t].real) == number("n_real_sig"));
    CHECK(double(found.fidelity[t].predicted) == number("n_pred_sig"));
    CHECK(double(found.fidelity[t].right) == number("k_fidelity"));
    CHECK(double(found.reach[t].depth) == number("k_reach"));
  }
}

/// Compares a table of differential expression, of genes past the gate alone, where it was written.
void require_tests_2026(const vcc2026::CountSide& side, const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return;
  const auto de = side.expression.whole();
  const CsvTable table = read_csv(file);
  const NamePlaces targets(de->targets), features(de->features);
  size_t kept = 0;
  for (size_t t = 0; t < de->targets.size(); ++t)
    for (size_t g = 0; g < de->features.size(); ++g) kept += de->has_row(t, g);
  REQUIRE(kept == table.rows.size());
  for (size_t r = 0; r < table.rows.size(); ++r) {
    const size_t t = targets.find(table.rows[r][table.column("target")]).value(),
                 g = features.find(table.rows[r][table.column("feature")]).value();
    INFO(file << ", row " << r + 1);
    REQUIRE(de->has_row(t, g));
    CHECK(is_close(de->log2_fold_change(t, g), number_at(table, r, "log2_fold_change")));
    const double p = number_at(table, r, "p_value"), fdr = number_at(table, r, "p_adj");
    CHECK(std::abs(de->p_value(t, g) - p) <= vcc2026_bound * p);
    CHECK(std::abs(de->fdr(t, g) - fdr) <= vcc2026_bound * fdr);
  }
}

}  // namespace

TEST_CASE("vcc2026: the goldens' contexts", "[eval][golden]") {
  const auto contexts = contexts_of_2026();
  if (contexts.empty()) VCELL_SKIP("no folder challenge");
  double sum = 0;
  for (const auto& folder : contexts) {
    INFO(folder);
    const auto real = count_cells_in(folder / "real.h5ad"),
               predicted = count_cells_in(folder / "pred.h5ad");
    const auto score = vcc2026::score_context(real, predicted);
    sum += score.score;
    require_long_table(score.prediction, folder / "results.csv");
    require_long_table(score.baseline, folder / "baseline_results.csv");
    require_aggregates(score.prediction, folder / "agg_results.csv");
    require_aggregates(score.baseline, folder / "baseline_agg.csv");

    const auto groups =
        expression_groups(real.perturbation, "non-targeting", vcell::detail::places(real.X.rows));
    const auto X = std::make_shared<const CsrMatrix<float>>(real.X);
    const auto observed = vcc2026::count_side(X, real.genes, groups, cell_totals(X->view()));
    const auto held = vcc2026::detail::predicted_side(predicted, *X, groups.reference, real.genes,
                                                      "non-targeting", {});
    require_parts(score, observed, held, folder);
    require_tests_2026(observed, folder / "real_de.csv");
    require_tests_2026(held, folder / "pred_de.csv");

    const Json info = parse_json_object(read_text(folder / "info.json"), "info.json");
    const auto number = [](const Json& json, const std::string& key) {
      return parse_number(json.find(key)->text).value();
    };
    CHECK(is_close(observed.control_variance, number(info, "C_control_real")));
    CHECK(is_close(score.prediction.mse.spread, number(info, "B")));
    CHECK(is_close(score.prediction.mse.claim, number(info, "claim")));
    CHECK(is_close(score.prediction.mse.rho, number(info, "rho")));
    REQUIRE(score.seeds.size() == info.find("seeds")->items.size());
    for (size_t i = 0; i < score.seeds.size(); ++i)
      CHECK(score.seeds[i] == info.find("seeds")->items[i].whole());
    CHECK(is_close(score.score, number(*info.find("score"), "avg_score")));

    const CsvTable replicates = read_csv(folder / "replicate_splits.csv");
    size_t compared = 0;
    for (size_t r = 0; r < replicates.rows.size(); ++r)
      for (size_t m = 0; m < vcc2026::n_scored; ++m) {
        const auto name = vcc2026::scored_metrics[m].name;
        if (replicates.rows[r][replicates.column("metric")] != name) continue;
        const auto split = size_t(number_at(replicates, r, "split_index"));
        INFO("split " << split << ", " << name);
        CHECK(is_close(score.halves.at(split).aggregates[m], number_at(replicates, r, "value")));
        ++compared;
      }
    CHECK(compared == score.seeds.size() * vcc2026::n_scored);
    const CsvTable mean = read_csv(folder / "replicate_agg.csv"),
                   scores = read_csv(folder / "score.csv");
    for (size_t m = 0; m < vcc2026::n_scored; ++m) {
      const auto name = vcc2026::scored_metrics[m].name;
      INFO(name);
      const auto row_of = [&](const CsvTable& table) {
        size_t row = 0;
        while (table.rows[row][table.column("metric")] != name) ++row;
        return row;
      };
      const size_t a = row_of(mean), b = row_of(scores);
      CHECK(is_close(score.replicate[m], number_at(mean, a, "replicate")));
      CHECK(is_close(score.from_replicate[m], number_at(scores, b, "from_replicate")));
      CHECK(is_close(score.from_baseline[m], number_at(scores, b, "from_baseline")));
      CHECK(is_close(score.from_random[m], number_at(scores, b, "low-random_high-1_v10")));
    }

    const CsvTable profile = read_csv(folder / "baseline_profile.csv");
    REQUIRE(profile.rows.size() == real.genes.size());
    for (size_t g = 0; g < real.genes.size(); ++g) {
      INFO(real.genes[g]);
      REQUIRE(profile.rows[g][profile.column("gene")] == real.genes[g]);
      CHECK(is_close(score.response.response.profile[g], number_at(profile, g, "profile")));
      CHECK(is_close(score.response.control_mean[g], number_at(profile, g, "control_mean")));
      CHECK(is_close(score.response.response.scale[g], number_at(profile, g, "scale")));
    }
    const CsvTable cells = read_csv(folder / "baseline_cells.csv");
    std::vector<std::string> from(real.cells.size());
    for (size_t i = 0; i < score.response.cells.size(); ++i)
      from[score.response.cells[i]] = real.cells[score.response.control_cells[i]];
    REQUIRE(cells.rows.size() == from.size());
    for (size_t row = 0; row < from.size(); ++row)
      CHECK(cells.rows[row] == std::vector<std::string>{real.cells[row], from[row]});
  }
  const auto final_score =
      parse_json_object(read_text(contexts[0].parent_path() / "final.json"), "final.json");
  CHECK(is_close(sum / double(contexts.size()),
                 parse_number(final_score.find("final")->text).value()));
}
