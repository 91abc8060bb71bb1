#include "vcell/pipeline/baseline_anndata.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/golden.hpp"
#include "support/small_experiment.hpp"
#include "support/threads.hpp"
#include "vcell/eval/evaluate.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/io/number_text.hpp"
#include "vcell/pipeline/labelled_sides.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

const ScreenOptions golden_labels = {.perturbation_key = "target_gene"};

/// Rows of a matrix by the labels of one obs column.
std::map<std::string, std::vector<size_t>> rows_by(const AnnData& adata, const std::string& key) {
  std::map<std::string, std::vector<size_t>> out;
  const auto text = adata.obs.column(key).text();
  for (size_t i = 0; i < text.size(); ++i) out[text[i]].push_back(i);
  return out;
}

std::vector<float> dense_row(const CsrMatrix<float>& X, size_t row) {
  std::vector<float> out(X.columns, 0.f);
  for (size_t k = 0; k < X.row_size(row); ++k)
    out[size_t(X.row_indices(row)[k])] = X.row_values(row)[k];
  return out;
}

/// The column of a table, by gene.
std::vector<double> numbers(const CsvTable& table, const std::string& column,
                            const std::vector<std::string>& genes) {
  REQUIRE(table.rows.size() == genes.size());
  std::vector<double> out;
  for (size_t g = 0; g < genes.size(); ++g) {
    REQUIRE(table.rows[g][table.column("gene")] == genes[g]);
    out.push_back(parse_number(table.rows[g][table.column(column)]).value());
  }
  return out;
}

/// That every perturbed cell is one, of this expression.
void require_constant(const AnnData& made, const std::vector<double>& expected, double relative) {
  const auto X = to_csr<float>(*made.X);
  for (const auto& [label, rows] : rows_by(made, "target_gene"))
    for (const size_t row : rows) {
      if (label == "non-targeting") continue;
      const auto cell = dense_row(X, row);
      for (size_t g = 0; g < cell.size(); ++g)
        if (!(std::abs(double(cell[g]) - expected[g]) <= relative * std::abs(expected[g])))
          FAIL(label << ", gene " << g << ": " << cell[g] << ", expected " << expected[g]);
    }
}

/// As many cells of every label as the screen has, the controls as they are and last.
void require_like(const AnnData& made, const AnnData& real, const std::string& key,
                  const CsrMatrix<float>& X) {
  const auto there = rows_by(made, key), expected = rows_by(real, key);
  REQUIRE(there.size() == expected.size());
  for (const auto& [label, rows] : expected) REQUIRE(there.at(label).size() == rows.size());
  const auto& controls = expected.at("non-targeting");
  const size_t first = made.cells() - controls.size();
  const auto made_X = to_csr<float>(*made.X);
  for (size_t i = 0; i < controls.size(); ++i)
    REQUIRE(dense_row(made_X, first + i) == dense_row(X, controls[i]));
}

double bound(const std::string& score) {
  if (score.starts_with("discrimination")) return 0;
  return score.starts_with("overlap") || score.starts_with("precision") ||
                 score.starts_with("de_") || score.ends_with("_auc")
             ? 1e-9
             : 1e-6;
}

}  // namespace

TEST_CASE("baseline_anndata: cell-eval's mean of perturbation means", "[pipeline][golden]") {
  const auto root = golden_folder("evaluation");
  if (!root) VCELL_SKIP("golden folder evaluation is absent");
  const auto real = read_h5ad(*root / "real.h5ad");
  const auto made = baseline_anndata(real, "mean_of_perturbation_means",
                                     {.labels = golden_labels, .scale = Scale::log1p});
  const CsvTable table = read_csv(*root / "baseline" / "mean.csv");
  require_constant(made, numbers(table, "mean", real.var.index), 5e-6);
  require_like(made, real, "target_gene", to_csr<float>(*real.X));

  // As a delta: the mean of the shifts, which is what context_mean adds to a control cell.
  AnnData log1p = real;
  Screen screen = make_labels(log1p, golden_labels);
  take_expression(screen, log1p);
  ContextMean<> delta;
  delta.fit(screen, std::vector<Part>(screen.cells(), Part::train), {});
  const auto shift = delta.shift(0, 0).value();
  const auto expected = numbers(table, "mean_delta", real.var.index);
  for (size_t g = 0; g < shift.size(); ++g)
    REQUIRE(std::abs(shift[g] - expected[g]) <= 5e-6 * std::max(1.0, std::abs(expected[g])));
  const auto moved =
      baseline_anndata(real, "mean_of_perturbation_means",
                       {.labels = golden_labels, .scale = Scale::log1p, .as_delta = true});
  const auto X = to_csr<float>(*moved.X), real_X = to_csr<float>(*real.X);
  const auto from = moved.obs.column("control_cell").text();
  for (size_t i = 0; i < moved.cells() - rows_by(real, "target_gene").at("non-targeting").size();
       i += 17) {
    const auto at = std::find(real.obs.index.begin(), real.obs.index.end(), from[i]);
    const auto cell = dense_row(X, i),
               control = dense_row(real_X, size_t(at - real.obs.index.begin()));
    for (size_t g = 0; g < cell.size(); ++g)
      REQUIRE(cell[g] == Approx(std::max(0.0, double(control[g]) + shift[g])).margin(1e-6));
  }
}

TEST_CASE("baseline_anndata: the baseline of the challenge of 2025", "[pipeline][golden]") {
  const auto root = golden_folder("challenge");
  if (!root) VCELL_SKIP("golden folder challenge is absent");
  const auto real = read_h5ad(*root / "2025" / "real.h5ad");
  const auto made = baseline_anndata(real, "mean_of_perturbation_means",
                                     {.labels = golden_labels, .scale = Scale::log1p});
  require_constant(
      made, numbers(read_csv(*root / "2025" / "baseline_mean.csv"), "mean", real.var.index), 5e-6);
}

TEST_CASE("baseline_anndata: cell-eval's scores of its baseline", "[pipeline][golden]") {
  const auto root = golden_folder("evaluation");
  if (!root) VCELL_SKIP("golden folder evaluation is absent");
  const auto real = read_h5ad(*root / "real.h5ad");
  auto made = baseline_anndata(real, "mean_of_perturbation_means",
                               {.labels = golden_labels, .scale = Scale::log1p});
  auto [observed, predicted] =
      labelled_sides(real, std::move(made), {"target_gene", {}, Scale::log1p});
  const auto evaluation = evaluate(std::move(observed), std::move(predicted),
                                   {.control = "non-targeting", .metrics = all_metrics()});
  const auto& scores = evaluation.contexts.at(0).scores;
  size_t compared = 0;
  for (const std::string profile : {"vcc", "full"}) {
    const CsvTable expected = read_csv(*root / "baseline" / profile / "results.csv");
    REQUIRE(expected.rows.size() == scores.perturbations.size());
    for (const ScoreColumn& column : scores.columns) {
      // Of equal cells the one is a correlation of rounding noise; partitions may differ.
      if (column.name == "pearson_edistance" || column.name == "clustering_agreement") continue;
      if (std::find(expected.header.begin(), expected.header.end(), column.name) ==
          expected.header.end())
        continue;
      ++compared;
      for (size_t p = 0; p < column.values.size(); ++p) {
        INFO(profile << ", " << column.name << " of " << scores.perturbations[p]);
        const std::string& text = expected.rows[p][expected.column(column.name)];
        REQUIRE(expected.rows[p][expected.column("perturbation")] == scores.perturbations[p]);
        REQUIRE(column.values[p].has_value() == !text.empty());
        if (text.empty()) continue;
        const double number = parse_number(text).value(), found = *column.values[p];
        REQUIRE(std::isnan(found) == std::isnan(number));
        if (!std::isnan(number)) REQUIRE(std::abs(found - number) <= bound(column.name));
      }
    }
  }
  REQUIRE(compared >= 8);

  const CsvTable table = read_csv(*root / "baseline" / "baseline_de_2targets.csv");
  const auto de = evaluation.contexts[0].predicted_de.whole();
  const auto number = [&](const std::vector<std::string>& row, const char* name) {
    return parse_number(row[table.column(name)]).value();
  };
  const auto near = [](double a, double b, double relative) {
    return std::isinf(b) ? a == b : std::abs(a - b) <= relative * std::max(1.0, std::abs(b));
  };
  REQUIRE(table.rows.size() == 2 * de->features.size());
  for (const auto& row : table.rows) {
    const auto place = [](const std::vector<std::string>& names, const std::string& name) {
      return size_t(std::find(names.begin(), names.end(), name) - names.begin());
    };
    const size_t t = place(de->targets, row[table.column("target")]),
                 g = place(de->features, row[table.column("feature")]);
    INFO(row[0] << ", " << row[1]);
    REQUIRE(number(row, "target_membership") == double(de->target_membership.at(t)));
    REQUIRE(double(de->target_mean(t, g)) == Approx(number(row, "target_mean")).epsilon(2e-5));
    REQUIRE(near(de->log2_fold_change(t, g), number(row, "log2_fold_change"), 2e-5));
    REQUIRE(de->statistic(t, g) == number(row, "statistic"));
    REQUIRE(de->p_value(t, g) == Approx(number(row, "p_value")).epsilon(1e-12));
    REQUIRE(de->fdr(t, g) == Approx(number(row, "fdr")).epsilon(1e-12));
  }
}

TEST_CASE("baseline_anndata: every baseline, in each context alone", "[pipeline]") {
  const auto screen = small_cells();
  const ScreenOptions labels = {.context_keys = {"context"}};
  for (const auto name : baseline_names) {
    INFO(name);
    const auto made = baseline_anndata(screen, name, {.labels = labels});
    for (const char* key : {"context", "perturbation"}) {
      const auto there = rows_by(made, key), expected = rows_by(screen, key);
      REQUIRE(there.size() == expected.size());
      for (const auto& [label, rows] : expected) CHECK(there.at(label).size() == rows.size());
    }
    CHECK(declared_scale(made).scale == Scale::log1p);
    const Threads threads(3);
    CHECK(to_csr<float>(*baseline_anndata(screen, name, {.labels = labels}).X) ==
          to_csr<float>(*made.X));
    // What every command does with it.
    auto [observed, predicted] =
        labelled_sides(screen, made, {"perturbation", {"context"}, std::nullopt});
    CHECK(evaluate(std::move(observed), std::move(predicted)).contexts.size() == 3);
  }
}

TEST_CASE("baseline_anndata: the mean response as counts", "[pipeline]") {
  const auto screen = small_cells();
  const auto made = baseline_anndata(screen, "mean_response", {.counts = true});
  require_like(made, screen, "perturbation", to_csr<float>(*screen.X));
  const auto X = to_csr<float>(*made.X);
  const auto is_fraction = [](float x) { return x != std::floor(x); };
  CHECK(std::any_of(X.values.begin(), X.values.end(), is_fraction));
  // Its mean is the profile: that of the perturbations' mean counts, but for the cells drawn.
  double real = 0, predicted = 0;
  for (const float x : to_csr<float>(*screen.X).values) real += double(x);
  for (const float x : X.values) predicted += double(x);
  CHECK(predicted == Approx(real).epsilon(0.1));
}

TEST_CASE("baseline_anndata: errors", "[pipeline]") {
  const auto screen = small_cells();
  check_error<ConfigError>([&] { baseline_anndata(screen, "mean_respons"); },
                           {"no 'mean_respons'", "'mean_response'"});
  check_error<ConfigError>([&] { baseline_anndata(screen, "control_copy", {.as_delta = true}); },
                           {"as_delta", "mean_of_perturbation_means", "control_copy"});
  check_error<ConfigError>([&] { baseline_anndata(screen, "context_mean", {.counts = true}); },
                           {"counts", "mean_response", "context_mean"});
  check_error<ConfigError>(
      [&] { baseline_anndata(screen, "mean_response", {.labels = {.control = "none"}}); },
      {"'none'"});
  auto log1p = screen;
  normalize_to_log1p(log1p);
  check_error<ConfigError>([&] { baseline_anndata(log1p, "mean_response", {.counts = true}); },
                           {"counts", "log1p"});
}
