// The numbers of scanpy and State's package, on the same files. Tolerances are those of
// golden/preprocess/README.md.
#include "support/golden.hpp"

#include <fstream>
#include <nlohmann/json.hpp>

#include "support/catch.hpp"
#include "support/largest_error.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/io/safetensors.hpp"
#include "vcell/preprocess/filter_cells.hpp"
#include "vcell/preprocess/filter_genes.hpp"
#include "vcell/preprocess/preprocess_train.hpp"
#include "vcell/preprocess/store_qc_metrics.hpp"

using namespace vcell;
using namespace vcell_test;
using std::filesystem::path;

namespace {

std::vector<std::string> csv_column(const CsvTable& table, const std::string& name) {
  const size_t place = table.column(name);
  std::vector<std::string> out;
  for (const auto& row : table.rows) out.push_back(row[place]);
  return out;
}

std::vector<double> csv_numbers(const CsvTable& table, const std::string& name) {
  std::vector<double> out;
  for (const auto& text : csv_column(table, name)) out.push_back(std::stod(text));
  return out;
}

std::vector<uint8_t> csv_flags(const CsvTable& table, const std::string& name) {
  std::vector<uint8_t> out;
  for (const auto& text : csv_column(table, name)) {
    REQUIRE((text == "True" || text == "False"));
    out.push_back(text == "True");
  }
  return out;
}

nlohmann::json json_of(const path& file) {
  std::ifstream in(file);
  REQUIRE(in);
  return nlohmann::json::parse(in);
}

/// Applies every threshold that the table's columns name ("min_genes=200") and compares what it
/// keeps with that column, and the numbers with the column `n_genes` or `n_counts`.
template <class F>
void check_filters(const CsvTable& table, F filter) {
  size_t thresholds = 0;
  for (const auto& name : table.header) {
    const size_t equals = name.find('=');
    if (equals == name.npos) continue;
    CAPTURE(name);
    ++thresholds;
    const Filtered out = filter(name.substr(0, equals), std::stod(name.substr(equals + 1)));
    CHECK(out.keep == csv_flags(table, name));
    CHECK(out.numbers == csv_numbers(table, message("n_", name.substr(4, equals - 4))));
  }
  CHECK(thresholds > 0);
}

template <class T>
std::vector<T> stored_values(const Matrix& m, size_t rows) {
  const auto csr = to_csr<T>(m);
  return {csr.values.begin(), csr.values.begin() + csr.indptr[rows]};
}

void check_normalized(const path& folder, const std::string& kind) {
  CAPTURE(kind);
  const AnnData input = read_h5ad(folder / ("input_" + kind + ".h5ad"));
  const auto expected = read_safetensors(folder / ("normalize_" + kind + ".safetensors")).tensors;
  const auto values_of = [&](const std::string& key) { return expected.at(key).as<float>(); };
  const std::vector<std::pair<std::string, NormalizeTotalOptions>> calls{
      {"1e4", {.target_sum = 1e4}},
      {"none", {}},
      {"none_excl", {.exclude_highly_expressed = true, .max_fraction = 0.05}},
      {"1e4_excl02", {.target_sum = 1e4, .exclude_highly_expressed = true, .max_fraction = 0.2}}};
  size_t known = 0;
  for (const auto& entry : expected) known += entry.first.rfind("norm_factor_", 0) == 0;
  CHECK(known == calls.size());
  for (const auto& [suffix, options] : calls) {
    CAPTURE(suffix);
    AnnData adata = input;
    const NormalizedTotal out = normalize_total(adata, options);
    CHECK(std::vector<float>(out.factors.begin(), out.factors.end()) ==
          values_of("norm_factor_" + suffix));
    CHECK(total_factors(*input.X, options).factors == out.factors);
    if (expected.count("X_" + suffix))
      CHECK(to_dense<float>(*adata.X).values == values_of("X_" + suffix));
    if (expected.count("X_" + suffix + "_csr_data"))
      CHECK(stored_values<float>(*adata.X, adata.cells()) ==
            values_of("X_" + suffix + "_csr_data"));
    if (!expected.count("log1p_" + suffix)) continue;
    log1p(adata);
    CHECK(largest_difference(to_dense<float>(*adata.X).values, values_of("log1p_" + suffix)) <=
          5e-7);
  }
}

}  // namespace

TEST_CASE("preprocess golden: filters", "[preprocess][golden]") {
  const auto folder = golden_folder("preprocess");
  if (!folder) VCELL_SKIP("golden folder preprocess is absent");
  const AnnData input = read_h5ad(*folder / "input_csr.h5ad");
  const CsvTable cells = read_csv(*folder / "filter_cells_csr.csv");
  const CsvTable genes = read_csv(*folder / "filter_genes_csr.csv");
  CHECK(csv_column(cells, "") == input.obs.index);
  CHECK(csv_column(genes, "") == input.var.index);
  check_filters(cells, [&](const std::string& argument, double value) {
    FilterCellsOptions options;
    if (argument == "min_counts") options.min_counts = value;
    if (argument == "min_genes") options.min_genes = value;
    if (argument == "max_counts") options.max_counts = value;
    if (argument == "max_genes") options.max_genes = value;
    return filter_cells(*input.X, options);
  });
  check_filters(genes, [&](const std::string& argument, double value) {
    FilterGenesOptions options;
    if (argument == "min_counts") options.min_counts = value;
    if (argument == "min_cells") options.min_cells = value;
    if (argument == "max_counts") options.max_counts = value;
    if (argument == "max_cells") options.max_cells = value;
    return filter_genes(*input.X, options);
  });
}

TEST_CASE("preprocess golden: quality of cells and genes", "[preprocess][golden]") {
  const auto folder = golden_folder("preprocess");
  if (!folder) VCELL_SKIP("golden folder preprocess is absent");
  for (const std::string kind : {"csr", "csc", "dense"}) {
    CAPTURE(kind);
    AnnData adata = read_h5ad(*folder / ("input_" + kind + ".h5ad"));
    QcMetricsOptions options{.percent_top = {5, 20, 50}};
    options.sets.push_back(gene_set_with_prefix("mt", adata.var.column("gene_name").text(), "MT-"));
    qc_metrics(adata, options);
    for (const bool cells : {true, false}) {
      const auto& table = cells ? adata.obs : adata.var;
      const CsvTable expected =
          read_csv(*folder / message("qc_", cells ? "cells" : "genes", "_", kind, ".csv"));
      CHECK(csv_column(expected, "") == table.index);
      for (const auto& name : expected.header) {
        if (name.empty()) continue;
        CAPTURE(name);
        const Column& column = table.column(name);
        const auto found = column.numbers();
        const auto numbers = csv_numbers(expected, name);
        const bool is_float = column.values().numbers().dtype() == DType::f32;
        const bool is_total = name.find("total") != name.npos || name.rfind("mean", 0) == 0 ||
                              name.find("log1p_mean") == 0 || name == "pct_counts_mt";
        CHECK(is_float == is_total);
        size_t wrong = 0;
        for (size_t i = 0; i < numbers.size(); ++i) {
          const bool both_nan = std::isnan(found[i]) && std::isnan(numbers[i]);
          const double allowed = (is_float ? 5e-7 : 1e-12) * std::abs(numbers[i]);
          wrong += !(both_nan || std::abs(found[i] - numbers[i]) <= allowed);
        }
        CHECK(wrong == 0);
      }
    }
  }
}

TEST_CASE("preprocess golden: normalize_total and log1p", "[preprocess][golden]") {
  const auto folder = golden_folder("preprocess");
  if (!folder) VCELL_SKIP("golden folder preprocess is absent");
  for (const char* kind : {"csr", "csc", "dense"}) check_normalized(*folder, kind);
}

TEST_CASE("preprocess golden: preprocess_train", "[preprocess][golden]") {
  const auto folder = golden_folder("preprocess");
  if (!folder) VCELL_SKIP("golden folder preprocess is absent");
  const auto config = json_of(*folder / "hvg_config.json").at("state_preprocess_train");
  const auto expected = read_safetensors(*folder / "state_preprocess_train.safetensors").tensors;
  AnnData adata = read_h5ad(*folder / "input_csr.h5ad");
  preprocess_train(adata, {.hvg = {.n_top_genes = config.at("num_hvgs")}});
  const Array& X_hvg = expected.at("X_hvg");
  const auto& found = matrix(adata.obsm, "X_hvg", "obsm");
  CHECK(X_hvg.shape == std::vector<size_t>{found.rows(), found.columns()});
  CHECK(largest_difference(to_dense<float>(found).values, X_hvg.as<float>()) <= 5e-7);
  CHECK(*find(adata.uns, "X_hvg_var_names")->texts() ==
        config.at("var_names").get<std::vector<std::string>>());
  size_t checked = 0;
  for (const auto& [key, values] : expected) {
    const std::string before = "log1p_none_csr_data_first_", after = "_rows";
    if (key.rfind(before, 0) != 0) continue;
    ++checked;
    const size_t rows = std::stoul(key.substr(before.size()));
    CHECK(largest_difference(stored_values<float>(*adata.X, rows), values.as<float>()) <= 5e-7);
  }
  CHECK(checked == 1);
}
