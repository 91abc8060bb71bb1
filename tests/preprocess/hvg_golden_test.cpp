// Highly variable genes of all flavors as scanpy finds them, and the loess of seurat_v3 as
// scikit-misc does. Arguments are those of hvg_config.json, tolerances those of
// golden/preprocess/README.md.
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/largest_error.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/io/safetensors.hpp"
#include "vcell/preprocess/highly_variable_genes.hpp"
#include "vcell/preprocess/log1p.hpp"
#include "vcell/preprocess/normalize_total.hpp"
#include "vcell/train/choices.hpp"

using namespace vcell;
using namespace vcell_test;
using std::filesystem::path;

namespace {

std::vector<std::string> texts(const CsvTable& table, const std::string& name) {
  const size_t place = table.column(name);
  std::vector<std::string> out;
  for (const auto& row : table.rows) out.push_back(row[place]);
  return out;
}

std::vector<double> numbers(const CsvTable& table, const std::string& name) {
  std::vector<double> out;
  for (const auto& text : texts(table, name)) out.push_back(std::stod(text));
  return out;
}

/// How far a column may be from the expected one.
struct Tolerance {
  double absolute = 0, relative = 0;
};

Tolerance tolerance_of(const std::string& column, bool is_v3) {
  if (column == "means") return {0, is_v3 ? 1e-10 : 1e-6};
  if (column == "variances" || column == "variances_norm") return {0, 1e-10};
  if (column == "dispersions") return {1e-6, 1e-6};
  if (column == "dispersions_norm") return {5e-6, 5e-6};
  return {};
}

/// Ranks of flavor seurat_v3: within 2, or the number of genes with the very score of a batch,
/// which the sort of numpy puts into any order.
void check_ranks(const AnnData& adata, const CsvTable& expected, const std::string& batch_key,
                 size_t n_top) {
  const Factor batches =
      batch_key.empty() ? joined_factor(adata.obs, {}) : factor(adata.obs.column(batch_key));
  std::vector<size_t> most(adata.genes(), 2);
  for (int32_t batch = 0; batch < int32_t(batches.names.size()); ++batch) {
    std::vector<uint8_t> cells;
    for (const int32_t code : batches.codes) cells.push_back(code == batch);
    HighlyVariableGenesOptions options{.flavor = HvgFlavor::seurat_v3, .cells = cells};
    if (!batch_key.empty()) options.batches = &batches;
    const auto scores = highly_variable_genes(*adata.X, options).variances_norm;
    for (size_t gene = 0; gene < scores.size(); ++gene) {
      const auto ties = std::count_if(scores.begin(), scores.end(), [&](double x) {
        return std::abs(x - scores[gene]) <= 1e-12 * x;
      });
      most[gene] = std::max(most[gene], size_t(ties - 1));
    }
  }
  const auto ranks = adata.var.column("highly_variable_rank").values().numbers().as<double>();
  const auto wanted = numbers(expected, "highly_variable_rank");
  size_t wrong = 0;
  for (size_t gene = 0; gene < ranks.size(); ++gene) {
    // A tie at the end of the ranks decides which gene has one.
    const auto rank = [&](double x) { return std::isnan(x) ? double(n_top) : x; };
    wrong += std::abs(rank(ranks[gene]) - rank(wanted[gene])) > double(most[gene]);
  }
  CHECK(wrong == 0);
}

void check_column(const AnnData& adata, const std::string& name, const CsvTable& expected,
                  const std::string& dtype, Tolerance tolerance) {
  CAPTURE(name);
  REQUIRE(adata.var.has(name));
  const Labels& values = adata.var.column(name).values();
  CHECK(name_of(values.numbers().dtype()) == dtype);
  if (dtype == "bool") {
    CHECK(values.text() == texts(expected, name));
    return;
  }
  const auto a = values.numbers().as<double>(), b = numbers(expected, name);
  REQUIRE(a.size() == b.size());
  size_t wrong = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const bool both_nan = std::isnan(a[i]) && std::isnan(b[i]);
    const double most = tolerance.absolute + tolerance.relative * std::abs(b[i]);
    if (!both_nan && !(std::abs(a[i] - b[i]) <= most)) {
      if (++wrong < 4) UNSCOPED_INFO("gene " << i << ": " << a[i] << ", expected " << b[i]);
    }
  }
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("hvg golden: every flavor, with and without batches and cut-offs",
          "[preprocess][golden]") {
  const auto folder = golden_folder("preprocess");
  if (!folder) VCELL_SKIP("golden folder preprocess is absent");
  std::ifstream in(*folder / "hvg_config.json");
  const auto config = nlohmann::json::parse(in);
  size_t files = 0;
  for (const auto& [name, call] : config.items()) {
    if (!call.is_object() || !call.contains("flavor")) continue;
    CAPTURE(name);
    ++files;
    const auto flavor = choice_of<HvgFlavor>(call.at("flavor").get<std::string>());
    REQUIRE(flavor);
    const bool is_v3 = flavor == HvgFlavor::seurat_v3;
    const bool is_csc = name == "seurat_csc_counts_log1p", is_dense = name == "seurat_dense";
    AnnData adata = read_h5ad(*folder / (is_csc     ? "input_csc.h5ad"
                                         : is_dense ? "input_dense.h5ad"
                                                    : "input_csr.h5ad"));
    if (!is_v3 && !is_csc) normalize_total(adata);
    if (!is_v3) vcell::log1p(adata);
    const auto names = adata.var.names();
    HighlyVariableGenesOptions options{.flavor = *flavor};
    if (call.contains("n_top_genes"))
      options.n_top_genes = call.at("n_top_genes");
    else
      options.cut_offs.emplace();
    if (call.contains("batch_key")) options.batch_key = call.at("batch_key").get<std::string>();
    const auto out = highly_variable_genes(adata, options);
    CHECK(out.indices().size() == call.at("n_selected").get<size_t>());
    CHECK(*find(adata.uns, "hvg/flavor")->text() ==
          call.at("uns_hvg").at("flavor").get<std::string>());
    const CsvTable expected = read_csv(*folder / ("hvg_" + name + ".csv"));
    CHECK(texts(expected, "") == adata.var.index);
    auto columns = names;
    columns.insert(columns.end(), expected.header.begin() + 1, expected.header.end());
    CHECK(adata.var.names() == columns);
    for (const auto& [column, dtype] : call.at("dtypes").items()) {
      if (column != "highly_variable_rank") {
        check_column(adata, column, expected, dtype, tolerance_of(column, is_v3));
        continue;
      }
      CHECK(name_of(adata.var.column(column).values().numbers().dtype()) == dtype);
      check_ranks(adata, expected, call.value("batch_key", ""), options.n_top_genes);
    }
  }
  CHECK(files >= 11);
}

TEST_CASE("hvg golden: loess", "[preprocess][golden]") {
  const auto folder = golden_folder("preprocess");
  if (!folder) VCELL_SKIP("golden folder preprocess is absent");
  const auto tensors = read_safetensors(*folder / "seurat_v3_loess.safetensors").tensors;
  const auto of = [&](const char* name) { return tensors.at(name).as<double>(); };
  const auto fitted = loess(of("log10_mean"), of("log10_variance"));
  CHECK(largest_difference(fitted, of("fitted")) <= 1e-10);
  CHECK(largest_difference(fitted, of("fitted_direct")) > 1e-10);  // it is an interpolation
}
