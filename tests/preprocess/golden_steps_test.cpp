// The numbers of scanpy and cell-load, on the same files: scaling, regression, the filter of
// knock-downs. Tolerances are those of golden/preprocess/README.md.
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/largest_error.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/io/safetensors.hpp"
#include "vcell/preprocess/filter_on_target_knockdown.hpp"
#include "vcell/preprocess/normalize_to_log1p.hpp"
#include "vcell/preprocess/regress_out.hpp"
#include "vcell/preprocess/scale_genes.hpp"

using namespace vcell;
using namespace vcell_test;
using std::filesystem::path;

namespace {

/// The dense input as scanpy's logarithm of it, to the bit.
AnnData dense_log1p(const path& folder) {
  AnnData adata = read_h5ad(folder / "input_dense.h5ad");
  const auto file = read_safetensors(folder / "normalize_dense.safetensors").tensors;
  adata.X =
      Matrix(DenseMatrix<float>{adata.cells(), adata.genes(), file.at("log1p_none").as<float>()});
  return adata;
}

void check_relative(const std::vector<double>& a, const std::vector<double>& b, double tolerance) {
  REQUIRE(a.size() == b.size());
  size_t wrong = 0;
  for (size_t i = 0; i < a.size(); ++i)
    wrong += !(std::abs(a[i] - b[i]) <= tolerance * std::abs(b[i]));
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("preprocess golden: scale_genes", "[preprocess][golden]") {
  const auto folder = golden_folder("preprocess");
  if (!folder) VCELL_SKIP("golden folder preprocess is absent");
  const AnnData dense = dense_log1p(*folder);
  const auto expected = read_safetensors(*folder / "scale_dense.safetensors").tensors;
  for (const bool center : {false, true})
    for (const bool clip : {false, true}) {
      CAPTURE(center, clip);
      ScaleGenesOptions options{.zero_center = center};
      if (clip) options.max_value = 10;
      AnnData adata = dense;
      scale_genes(adata, options);
      const auto& X = expected.at(message("center", int(center), "_max", clip ? "10" : "None"));
      CHECK(largest_difference(to_dense<float>(*adata.X).values, X.as<float>()) <= 3e-6);
      check_relative(adata.var.column("mean").numbers(), expected.at("mean").as<double>(), 1e-12);
      check_relative(adata.var.column("std").numbers(), expected.at("std").as<double>(), 1e-6);
    }
  AnnData sparse = read_h5ad(*folder / "input_csr.h5ad");
  normalize_to_log1p(sparse, {.scale = Scale::counts});
  const auto scales = scale_genes(sparse, {.zero_center = false, .max_value = 10});
  const auto of_csr = read_safetensors(*folder / "scale_csr_center0_max10.safetensors").tensors;
  // Logarithms of float differ in the last digit between libraries, and so do their means.
  check_relative(scales.means, of_csr.at("mean").as<double>(), 2e-7);
  check_relative(scales.sds, of_csr.at("std").as<double>(), 1e-6);
  const Array& part = of_csr.at("first_100_rows");
  std::vector<size_t> rows(part.shape.at(0)), columns(part.shape.at(1));
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = i;
  for (size_t j = 0; j < columns.size(); ++j) columns[j] = j;
  CHECK(sparse.X->is_sparse());
  CHECK(largest_difference(
            to_dense<float>(select_columns(select_rows(*sparse.X, rows), columns)).values,
            part.as<float>()) <= 3e-6);
}

TEST_CASE("preprocess golden: regress_out", "[preprocess][golden]") {
  const auto folder = golden_folder("preprocess");
  if (!folder) VCELL_SKIP("golden folder preprocess is absent");
  const AnnData dense = dense_log1p(*folder);
  const auto expected = read_safetensors(*folder / "regress_out_dense.safetensors").tensors;
  AnnData adata = dense;
  for (const char* name : {"total_counts", "pct_counts_mt"})
    adata.obs.set(name, expected.at(name).as<float>());
  const auto check = [&](const char* name, const std::vector<std::string>& keys) {
    CAPTURE(name);
    AnnData a = adata;
    regress_out(a, keys);
    CHECK(largest_difference(to_dense<double>(*a.X).values, expected.at(name).as<double>()) <=
          2e-6);
  };
  check("residual_total", {"total_counts"});
  check("residual_total_mt", {"total_counts", "pct_counts_mt"});
  check("residual_batch", {"batch"});
}

TEST_CASE("preprocess golden: filter_on_target_knockdown", "[preprocess][golden]") {
  const auto folder = golden_folder("preprocess");
  if (!folder) VCELL_SKIP("golden folder preprocess is absent");
  std::ifstream in(*folder / "knockdown_filter.json");
  const auto calls = nlohmann::json::parse(in);
  AnnData counts = read_h5ad(*folder / "input_csr.h5ad");
  size_t of_counts = 0;
  for (const auto& [name, call] : calls.items()) {
    CAPTURE(name);
    AnnData adata = counts;
    of_counts += name.rfind("counts/", 0) == 0;
    if (name.rfind("normalized_1e4/", 0) == 0) normalize_total(adata, {.target_sum = 1e4});
    const auto& arguments = call.at("arguments");
    KnockdownOptions options{.gene_key = "gene_name"};
    options.residual_expression =
        arguments.value("residual_expression", options.residual_expression);
    options.cell_residual_expression =
        arguments.value("cell_residual_expression", options.cell_residual_expression);
    options.min_cells = arguments.value("min_cells", options.min_cells);
    const auto out = filter_on_target_knockdown(adata, options);
    std::vector<size_t> kept;
    for (size_t i = 0; i < out.keep.size(); ++i)
      if (out.keep[i]) kept.push_back(i);
    CHECK(kept == call.at("kept_cells").get<std::vector<size_t>>());
    CHECK(adata.cells() == kept.size());
    std::map<std::string, size_t> of{{options.control, out.controls}};
    for (const auto& p : out.perturbations)
      if (p.outcome == Knockdown::kept) of[p.name] = p.kept;
    CHECK(of == call.at("kept_perturbations").get<std::map<std::string, size_t>>());
  }
  CHECK((of_counts > 0 && of_counts < calls.size()));
}
