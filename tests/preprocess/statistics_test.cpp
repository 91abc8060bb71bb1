// What people look at of genes and perturbations, against definitions on small data and the golden
// files.
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/golden.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/io/number_text.hpp"
#include "vcell/preprocess/gene_classes.hpp"
#include "vcell/preprocess/gene_statistics.hpp"
#include "vcell/preprocess/perturbation_table.hpp"
#include "vcell/preprocess/variance_shares.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

/// Three genes of six cells, with a zero that is stored.
CsrMatrix<float> small_matrix() {
  CsrMatrix<float> X;
  X.columns = 3;
  const float rows[6][3] = {{1, 0, 2}, {3, 0, 2}, {0, 0, 2}, {5, 0, 2}, {0, -1, 2}, {0, 0, 2}};
  for (size_t i = 0; i < 6; ++i) {
    for (int32_t g = 0; g < 3; ++g)
      if (rows[i][g] != 0 || (i == 2 && g == 0)) {
        X.indices.push_back(g);
        X.values.push_back(rows[i][g]);
      }
    X.end_row();
  }
  return X;
}

std::vector<double> numbers(const CsvTable& table, const std::string& name) {
  std::vector<double> out;
  for (const auto& row : table.rows) {
    const auto number = parse_number(row[table.column(name)]);
    out.push_back(number.value_or(row[table.column(name)] == "True"));
  }
  return out;
}

void check_close(const std::vector<double>& found, const std::vector<double>& expected,
                 const std::string& what) {
  CAPTURE(what);
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    CAPTURE(i);
    if (std::isnan(expected[i]))
      CHECK(std::isnan(found[i]));
    else
      CHECK(found[i] == Approx(expected[i]).epsilon(1e-12).margin(1e-14));
  }
}

}  // namespace

TEST_CASE("gene_statistics: zeros that are not stored count", "[preprocess]") {
  const Matrix X(small_matrix());
  const std::vector<int32_t> groups = {0, 0, 0, 1, 1, -1};
  auto tally = gene_tally(3, {groups, 2});
  accumulate<float>(X, tally);
  const auto first = gene_statistics(tally.of_group(0), tally.cells_in(0));
  const auto second = gene_statistics(tally.of_group(1), tally.cells_in(1));
  CHECK(first.cells == 3);
  CHECK(first.mean[0] == Approx(4.0 / 3));
  CHECK(first.max == std::vector<double>{3, 0, 2});
  CHECK(first.min == std::vector<double>{0, 0, 2});
  CHECK(first.nonzero_cells == std::vector<size_t>{2, 0, 3});
  CHECK(first.nonzero_fraction(0) == Approx(2.0 / 3));
  CHECK(second.min == std::vector<double>{0, -1, 2});
  CHECK(second.max == std::vector<double>{5, 0, 2});

  std::vector<GeneTally> both(tally.of_group(0).begin(), tally.of_group(0).end());
  for (size_t g = 0; g < 3; ++g) both[g].merge(tally.of_group(1)[g]);
  const auto all = gene_statistics(both, 5);
  CHECK(all.mean[0] == Approx(9.0 / 5));
  CHECK(all.nonzero_cells == std::vector<size_t>{3, 1, 5});

  const auto deltas = gene_deltas(first, second);
  CHECK(deltas[0].gene == 0);
  CHECK(deltas[0].delta == Approx(2.5 - 4.0 / 3));
  CHECK(deltas[1].gene == 1);
  CHECK(deltas[1].control_nonzero_cells == 0);
  CHECK_FALSE(deltas[1].never_expressed);  // -1 in a perturbed cell
  CHECK(deltas[1].size() == 0.5);
  CHECK(deltas[2].delta == 0);
  const auto summary = summarize_genes(first);
  CHECK(summary.mean_of_maxima == Approx(5.0 / 3));
  CHECK(summary.never_expressed == 1);
  CHECK(summary.fraction_never_expressed == Approx(1.0 / 3));

  const auto none = gene_statistics(tally.of_group(0), 0);
  CHECK(std::isnan(none.mean[0]));
  CHECK(std::isnan(none.nonzero_fraction(0)));
  CHECK_THROWS_AS(gene_deltas(first, gene_statistics({}, 1)), ShapeError);
}

TEST_CASE("perturbation_table: cells, batches, guides and the own gene", "[preprocess]") {
  const Matrix X(small_matrix());
  const auto labels = [](std::vector<std::string> text) { return factor(text); };
  const Factor perturbation = labels({"ctrl", "A", "A", "A", "B", "ctrl"});
  const Factor batch = labels({"1", "1", "1", "2", "2", "2"});
  const Factor guide = labels({"n", "A2", "A1", "A2", "B1", "n"});
  const std::vector<int32_t> own = {0, -1, -1};  // of A, B, ctrl
  std::vector<int32_t> own_of_cell;
  for (const int32_t code : perturbation.codes) own_of_cell.push_back(own[size_t(code)]);
  OwnGene values(own_of_cell);
  accumulate<float>(X, values);
  CHECK(values.of_cells() == std::vector<double>{0, 3, 0, 5, 0, 0});
  const std::vector<double> control_means = {0.5, 0, 2};
  const auto table =
      perturbation_table({perturbation, &batch, &guide, own, values.of_cells(), control_means});
  REQUIRE(table.size() == 3);
  const auto &a = table[0], &b = table[1];
  CHECK(a.name == "A");
  CHECK(a.cells == 3);
  CHECK(a.of_batches == std::vector<size_t>{2, 1});
  CHECK(a.of_guides == std::vector<std::pair<std::string, size_t>>{{"A1", 1}, {"A2", 2}});
  CHECK(a.batch_imbalance == Approx(1.0 / 6));  // 2/3 and 1/3 against halves
  CHECK(a.batch_imbalance_by_chance == Approx(2 * std::sqrt(0.25 / (2 * std::numbers::pi * 3))));
  CHECK(a.own_mean == Approx(8.0 / 3));
  CHECK(a.on_target_residual == Approx(16.0 / 3));
  CHECK(b.batch_imbalance == 0.5);
  CHECK(std::isnan(b.on_target_residual));
  // Without anything else.
  const auto plain = perturbation_table({perturbation});
  CHECK(plain.size() == 3);
  CHECK(plain[0].of_batches.empty());
  CHECK(std::isnan(plain[0].own_mean));
  const Factor short_one = labels({"1"});
  CHECK_THROWS_AS(perturbation_table({perturbation, &short_one}), ShapeError);
  OwnGene few({0});
  CHECK_THROWS_AS(accumulate<float>(X, few), ShapeError);
}

TEST_CASE("variance_shares: what lies between groups", "[preprocess]") {
  // Gene 0 is its batch, gene 1 half of it, gene 2 never varies, gene 3 is something else.
  CsrMatrix<float> X;
  X.columns = 4;
  std::vector<std::string> batch, other;
  for (int i = 0; i < 8; ++i) {
    batch.push_back(i < 4 ? "x" : "y");
    other.push_back(i % 2 ? "u" : "v");
    const float values[] = {i < 4 ? 1.f : 2.f, (i < 4 ? 1.f : 2.f) + float(i % 2), 3,
                            float(i % 2 + 1)};
    for (int32_t g = 0; g < 4; ++g) {
      X.indices.push_back(g);
      X.values.push_back(values[g]);
    }
    X.end_row();
  }
  const Factor b = factor(batch), o = factor(other);
  for (const size_t bytes : {size_t(1), size_t(100), size_t(1) << 20}) {
    const auto shares = variance_shares(Matrix(X), {&b, &o}, bytes);
    REQUIRE(shares.size() == 2);
    CHECK(shares[0].of_genes[0] == Approx(1));
    CHECK(shares[0].of_genes[1] == Approx(0.5));
    CHECK(std::isnan(shares[0].of_genes[2]));
    CHECK(shares[0].of_genes[3] == Approx(0).margin(1e-12));
    CHECK(shares[1].of_genes[3] == Approx(1));
    CHECK(shares[0].by_chance == Approx(1.0 / 7));
    CHECK(shares[0].mean() == Approx(0.5));
  }
  // Cells without a label in one of them are left out of both.
  std::vector<uint8_t> missing = {1, 0, 0, 0, 0, 0, 0, 0};
  const Factor some = factor(batch, missing);
  const auto shares = variance_shares(Matrix(X), {&some, &o});
  CHECK(shares[0].by_chance == Approx(1.0 / 6));
  CHECK(shares[0].of_genes[0] == Approx(1));
  const Factor wrong = factor(std::vector<std::string>{"x"});
  CHECK_THROWS_AS(variance_shares(Matrix(X), {&wrong}), ShapeError);
}

TEST_CASE("gene_classes: by medians, or thresholds", "[preprocess]") {
  const std::vector<double> means = {1, 2, 3, 4, 100};
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> dispersions = {5, -1, 6, -2, nan};
  auto classes = gene_classes(means, dispersions);
  CHECK(classes.mean == 2.5);
  CHECK(classes.dispersion == 2);
  using enum GeneClass;
  CHECK(classes.of_genes ==
        std::vector<GeneClass>{rare, uninformative, key, housekeeping, unknown});
  classes = gene_classes(means, dispersions, {.mean = 1, .dispersion = 6});
  CHECK(classes.of_genes ==
        std::vector<GeneClass>{housekeeping, housekeeping, key, housekeeping, unknown});
  CHECK(gene_classes({}, {}).of_genes.empty());
  CHECK_THROWS_AS(gene_classes(means, {}), ShapeError);
}

TEST_CASE("statistics golden: genes, deltas and perturbations", "[preprocess][golden]") {
  const auto folder = golden_folder("preprocess");
  if (!folder || !std::filesystem::exists(*folder / "gene_statistics.csv"))
    VCELL_SKIP("golden folder preprocess is absent");
  const AnnData adata = read_h5ad(*folder / "input_csr.h5ad");
  const Factor perturbation = factor(adata.obs.column("target_gene"));
  const Factor batch = factor(adata.obs.column("batch"));
  const int32_t control = perturbation.code("non-targeting");
  REQUIRE(control >= 0);
  const auto names = adata.var.column("gene_name").text();
  std::vector<int32_t> own, group, own_of_cell;
  for (const auto& name : perturbation.names) {
    const auto found = std::find(names.begin(), names.end(), name);
    own.push_back(found == names.end() ? -1 : int32_t(found - names.begin()));
  }
  for (const int32_t code : perturbation.codes) {
    group.push_back(code == control ? 0 : 1);
    own_of_cell.push_back(own[size_t(code)]);
  }
  auto tally = gene_tally(adata.genes(), {group, 2});
  OwnGene own_values(own_of_cell);
  accumulate<float>(*adata.X, tally, own_values);
  const auto controls = gene_statistics(tally.of_group(0), tally.cells_in(0));
  const auto perturbed = gene_statistics(tally.of_group(1), tally.cells_in(1));
  std::vector<GeneTally> both(tally.of_group(0).begin(), tally.of_group(0).end());
  for (size_t g = 0; g < both.size(); ++g) both[g].merge(tally.of_group(1)[g]);
  const auto all = gene_statistics(both, adata.cells());

  const auto genes = read_csv(*folder / "gene_statistics.csv");
  std::vector<double> mean, max, min, fraction;
  for (const auto& row : genes.rows) {
    const auto g = size_t(std::find(adata.var.index.begin(), adata.var.index.end(), row[0]) -
                          adata.var.index.begin());
    REQUIRE(g < adata.genes());
    mean.push_back(all.mean[g]);
    max.push_back(all.max[g]);
    min.push_back(all.min[g]);
    fraction.push_back(all.nonzero_fraction(g));
  }
  check_close(mean, numbers(genes, "mean"), "mean");
  check_close(max, numbers(genes, "max"), "max");
  check_close(min, numbers(genes, "min"), "min");
  check_close(fraction, numbers(genes, "nonzero_fraction"), "nonzero_fraction");

  std::ifstream file(*folder / "gene_statistics_summary.json");
  const auto expected = nlohmann::json::parse(file);
  const auto summary = summarize_genes(all);
  CHECK(summary.mean_of_means == Approx(expected.at("mean_of_means").get<double>()).epsilon(1e-12));
  CHECK(summary.mean_of_maxima ==
        Approx(expected.at("mean_of_maxima").get<double>()).epsilon(1e-12));
  CHECK(summary.mean_of_minima ==
        Approx(expected.at("mean_of_minima").get<double>()).epsilon(1e-12).margin(1e-14));
  CHECK(summary.fraction_never_expressed ==
        Approx(expected.at("fraction_never_expressed").get<double>()).epsilon(1e-12));

  const auto deltas = gene_deltas(controls, perturbed);
  const auto delta_table = read_csv(*folder / "gene_delta_with_nonzero_fraction.csv");
  REQUIRE(delta_table.rows.size() == deltas.size());
  std::vector<double> found[5];
  for (size_t i = 0; i < deltas.size(); ++i) {
    CHECK(adata.var.index[deltas[i].gene] == delta_table.rows[i][0]);
    found[0].push_back(deltas[i].control_mean);
    found[1].push_back(deltas[i].perturbed_mean);
    found[2].push_back(deltas[i].delta);
    found[3].push_back(deltas[i].control_nonzero_fraction);
    found[4].push_back(deltas[i].never_expressed);
  }
  const char* const columns[] = {"ctrl_mean", "pert_mean", "delta", "ctrl_nonzero_fraction",
                                 "never_expressed"};
  for (size_t c = 0; c < 5; ++c)
    check_close(found[c], numbers(delta_table, columns[c]), columns[c]);

  const auto table = perturbation_table(
      {perturbation, &batch, nullptr, own, own_values.of_cells(), controls.mean});
  const auto expected_table = read_csv(*folder / "perturbation_table.csv");
  REQUIRE(table.size() == expected_table.rows.size());
  const auto cells = numbers(expected_table, "n_cells"),
             residual = numbers(expected_table, "on_target_residual");
  for (size_t i = 0; i < expected_table.rows.size(); ++i) {
    const auto row = std::find_if(table.begin(), table.end(), [&](const auto& r) {
      return r.name == expected_table.rows[i][0];
    });
    REQUIRE(row != table.end());
    CHECK(double(row->cells) == cells[i]);
    for (size_t b = 0; b < batch.names.size(); ++b)
      CHECK(double(row->of_batches[b]) == numbers(expected_table, "batch:" + batch.names[b])[i]);
    if (row->own_gene < 0)
      CHECK(std::isnan(row->on_target_residual));
    else
      CHECK(row->on_target_residual == Approx(residual[i]).epsilon(1e-12));
  }
}
