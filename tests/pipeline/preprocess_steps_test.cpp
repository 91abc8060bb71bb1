// Lists of steps: from TOML, checked before X is read, and the same from blocks as in memory.
#include <fstream>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/golden.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/pipeline/preprocess_file.hpp"
#include "vcell/pipeline/read_steps.hpp"
#include "vcell/simulate/simulate_screen.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

AnnData steps_screen() {
  AnnData screen =
      simulate_screen({.seed = 8, .genes = 40, .perturbations = 5, .cells_per_perturbation = 4})
          .screen;
  std::vector<double> phase(screen.cells());
  for (size_t i = 0; i < phase.size(); ++i) phase[i] = double(i % 7) - 2.5;
  screen.obs.set("phase", phase);
  screen.layers.insert_or_assign("spare", *screen.X);
  return screen;
}

/// The file that the steps make, from memory and from blocks: to the bit the same.
AnnData done_both_ways(const TemporaryFolder& folder, const std::string& file,
                       const PreprocessSteps& steps) {
  preprocess_file(file, folder / "memory.h5ad", {.steps = steps});
  preprocess_file(file, folder / "blocks.h5ad", {.steps = steps, .memory = 1});
  const bool same = read_text(folder / "memory.h5ad") == read_text(folder / "blocks.h5ad");
  CHECK(same);
  return read_h5ad(folder / "blocks.h5ad");
}

/// A threshold that about this share of the numbers is below.
template <class T>
double at_share(std::vector<T> numbers, double share) {
  std::sort(numbers.begin(), numbers.end());
  return double(numbers[size_t(share * double(numbers.size()))]);
}

}  // namespace

TEST_CASE("steps: every list makes the same file from blocks as in memory", "[pipeline]") {
  const TemporaryFolder folder("steps");
  AnnData screen = steps_screen();
  const std::string file = folder / "screen.h5ad";
  const QcMetrics known = qc_metrics(*screen.X, {.percent_top = {}});
  const double few = at_share(known.genes_of_cell, 0.2), many = at_share(known.total_of_cell, 0.9);
  AnnData left = screen;
  filter_cells(left, {.min_genes = few});
  filter_cells(left, {.max_counts = many});
  const QcMetrics of_left = qc_metrics(*left.X, {.percent_top = {}});
  const double rare = at_share(of_left.cells_of_gene, 0.1),
               low = at_share(of_left.total_of_gene, 0.2);
  const PreprocessTrainOptions train{.hvg = {.n_top_genes = 10}};
  const QcStep qc{.mt_prefix = screen.var.index[3], .percent_top = {5, 20}};
  const KnockdownOptions knockdown{.residual_expression = 0.9,
                                   .cell_residual_expression = 1.1,
                                   .min_cells = 2,
                                   .perturbation_key = "perturbation"};
  const std::vector<PreprocessSteps> lists = {
      {qc, FilterCellsOptions{.min_genes = few}, FilterCellsOptions{.max_counts = many},
       FilterGenesOptions{.min_cells = rare}, FilterGenesOptions{.min_counts = low},
       FilterCellsOptions{.min_genes = 5}, train},
      {knockdown, DownsampleCountsOptions{.fraction = 0.7}, train, RegressOutStep{{"phase"}},
       ScaleGenesOptions{.max_value = 2},
       PcaOptions{.components = 4, .gene_mask = "highly_variable"}},
      {NormalizeTotalOptions{
           .exclude_highly_expressed = true, .max_fraction = 0.1, .key_added = "factor"},
       Log1pStep(), HighlyVariableGenesOptions{.n_top_genes = 8, .batch_key = "context"},
       StoreHvgStep(), ScaleGenesOptions{.zero_center = false, .max_value = 3},
       DownsampleCellsOptions{.cells = 10, .group_keys = {"perturbation"}}, knockdown,
       PcaOptions{.components = 3}},
      {PreprocessTrainOptions{
           .hvg = {.n_top_genes = 6}, .exclude_highly_expressed = true, .max_fraction = 0.1},
       RegressOutStep{{"context"}},
       PreprocessInferOptions{.perturbation_key = "perturbation", .context_keys = {"context"}}},
      {HighlyVariableGenesOptions{.flavor = HvgFlavor::seurat_v3, .n_top_genes = 9},
       QcStep{.percent_top = {3}, .layer = "spare"}, ScaleGenesOptions{.layer = "spare"},
       NormalizeTotalOptions{.target_sum = 100}, Log1pStep()}};
  for (const DType dtype : {DType::f32, DType::i32, DType::f64}) {
    const auto csr = to_csr<float>(*screen.X);
    if (dtype == DType::i32)
      screen.X = Matrix(csr.rows, csr.columns, csr.indptr, csr.indices,
                        std::vector<int32_t>(csr.values.begin(), csr.values.end()));
    if (dtype == DType::f64) screen.X = Matrix(to_dense<double>(*screen.X));
    write_h5ad(file, screen);
    for (size_t i = 0; i < lists.size(); ++i) {
      CAPTURE(name_of(dtype), i);
      const AnnData done = done_both_ways(folder, file, lists[i]);
      if (i == 0) {
        CHECK(done.obs.has("pct_counts_mt"));
        CHECK(done.cells() < screen.cells());
        CHECK(done.genes() < screen.genes());
      }
      if (i == 1) {
        CHECK_FALSE(done.X->is_sparse());
        CHECK(matrix(done.obsm, "X_pca", "obsm").columns() == 4);
        CHECK(matrix(done.obsm, "X_hvg", "obsm").dtype() == DType::f32);
      }
      if (i == 2) CHECK(matrix(done.obsm, "X_hvg", "obsm").rows() == done.cells());
      if (i == 3) CHECK(done.obs.has("template_cell"));
    }
  }
}

TEST_CASE("steps: filters of one pass drop what filters one by one do", "[pipeline]") {
  const TemporaryFolder folder("steps");
  const AnnData screen = steps_screen();
  write_h5ad(folder / "screen.h5ad", screen);
  const QcMetrics known = qc_metrics(*screen.X, {.percent_top = {}});
  const double few = at_share(known.genes_of_cell, 0.3);
  AnnData expected = screen;
  filter_cells(expected, {.min_genes = few});
  const double rare = at_share(qc_metrics(*expected.X, {.percent_top = {}}).cells_of_gene, 0.2);
  filter_genes(expected, {.min_cells = rare});
  const AnnData done =
      done_both_ways(folder, folder / "screen.h5ad",
                     {FilterCellsOptions{.min_genes = few}, FilterGenesOptions{.min_cells = rare}});
  CHECK(expected.genes() < screen.genes());
  CHECK(expected.cells() < screen.cells());
  CHECK(done.obs.index == expected.obs.index);
  CHECK(done.var.index == expected.var.index);
  CHECK(*done.X == *expected.X);
  CHECK(done.obs.column("n_genes").numbers() == expected.obs.column("n_genes").numbers());
  CHECK(done.var.column("n_cells").numbers() == expected.var.column("n_cells").numbers());
}

TEST_CASE("steps: what is wrong is found before X is read", "[pipeline]") {
  AnnData screen = steps_screen();
  screen.X.reset();
  const auto wrong = [&](const PreprocessSteps& steps, std::vector<std::string> words) {
    check_error<ConfigError>([&] { check_steps(screen, steps, "list.toml"); }, std::move(words));
  };
  const PreprocessTrainOptions train;
  wrong({train, RegressOutStep{{"phse"}}}, {"list.toml, step 2", "regress_out", "phse", "phase"});
  wrong({train, RegressOutStep{{"total_counts"}}}, {"step 2", "total_counts"});
  CHECK_NOTHROW(check_steps(
      screen, {QcStep{.percent_top = {}}, train, RegressOutStep{{"total_counts", "phase"}}}));
  wrong({train, RegressOutStep{{"phase", "context"}}}, {"context", "categorical"});
  wrong({train, Log1pStep()}, {"step 2", "log1p by then"});
  wrong({train, NormalizeTotalOptions()}, {"normalize_total", "log1p by then"});
  wrong({HighlyVariableGenesOptions()}, {"seurat", "log1p"});
  wrong({StoreHvgStep()}, {"highly_variable"});
  wrong({PcaOptions{.components = 41}}, {"pca", "1 .. 40"});
  wrong({PcaOptions{.components = 2, .gene_mask = "highly_variable"}}, {"highly_variable"});
  wrong({FilterCellsOptions{.min_counts = 1, .min_genes = 1}}, {"filter_cells", "2 thresholds"});
  wrong({FilterGenesOptions{}}, {"filter_genes", "0 thresholds"});
  wrong({QcStep{.mt_prefix = "MT-"}}, {"MT-"});
  wrong({QcStep{.percent_top = {41}}}, {"percent_top", "1 .. 40"});
  wrong({KnockdownOptions{.control = "nobody", .perturbation_key = "perturbation"}}, {"nobody"});
  wrong({ScaleGenesOptions{.max_value = -1}}, {"max_value is -1"});
  wrong({NormalizeTotalOptions{.layer = "counts"}}, {"counts", "spare"});
  wrong({PreprocessInferOptions{.perturbation_key = "target"}}, {"target"});
  check_error<ConfigError>([&] { check_steps(screen, {}); }, {"no steps"});
  // Of the values themselves, when they are met.
  AnnData whole = steps_screen();
  check_error<ConfigError>(
      [&] { run_steps(whole, {FilterCellsOptions{.min_genes = 1000}}, {}, "list.toml"); },
      {"list.toml, step 1", " cells are with", "fewer than 1000 genes", "lower"});
}

TEST_CASE("steps: read from TOML", "[pipeline]") {
  const auto steps = parse_steps(R"(
[[step]]
name = "qc_metrics"
mt_prefix = "MT-"
percent_top = [5, 20]
[[step]]
name = "filter_cells"
min_genes = 200
[[step]]
name = "preprocess_train"
scale = "counts"
flavor = "cell_ranger"
max_mean = 4
[[step]]
name = "scale_genes"
zero_center = false
max_value = 10
[[step]]
name = "regress_out"
keys = ["total_counts"]
)");
  REQUIRE(steps.size() == 5);
  CHECK(std::get<QcStep>(steps[0]).mt_prefix == "MT-");
  CHECK(std::get<QcStep>(steps[0]).percent_top == std::vector<size_t>{5, 20});
  CHECK(std::get<FilterCellsOptions>(steps[1]).min_genes == 200);
  const auto& train = std::get<PreprocessTrainOptions>(steps[2]);
  CHECK(train.scale == Scale::counts);
  CHECK(train.hvg.flavor == HvgFlavor::cell_ranger);
  REQUIRE(train.hvg.cut_offs);
  CHECK(train.hvg.cut_offs->max_mean == 4);
  CHECK(train.hvg.cut_offs->min_mean == HvgCutOffs().min_mean);
  CHECK_FALSE(std::get<ScaleGenesOptions>(steps[3]).zero_center);
  CHECK(std::get<RegressOutStep>(steps[4]).keys == std::vector<std::string>{"total_counts"});
  for (size_t i = 0; i < std::variant_size_v<PreprocessStep>; ++i) {
    const std::string name(detail::step_names[i]);
    CHECK(name_of_step(parse_steps("[[step]]\nname = \"" + name + "\"")[0]) == name);
  }

  const auto wrong = [](const std::string& text, std::vector<std::string> words) {
    check_error<FormatError>([&] { parse_steps(text, "s.toml"); }, std::move(words));
  };
  wrong("", {"s.toml", "[[step]]"});
  wrong("[step]\nname = \"log1p\"", {"s.toml"});
  wrong("steps = 1", {"line 1", "steps", "[[step]]"});
  wrong("[[step]]\nmin_genes = 3", {"line 1", "no name"});
  wrong("[[step]]\nname = \"filter_cell\"", {"line 2", "filter_cell", "mean 'filter_cells'"});
  wrong("[[step]]\nname = \"filter_cells\"\nmin_gene = 3", {"line 3", "mean 'min_genes'"});
  wrong("[[step]]\nname = \"log1p\"\nbase = 2", {"line 3", "base", "none"});
  wrong("[[step]]\nname = \"filter_cells\"\nmin_genes = \"3\"", {"min_genes", "a number"});
  wrong("[[step]]\nname = \"pca\"\ncomponents = -3", {"components", "not negative"});
  wrong("[[step]]\nname = \"pca\"\ncomponents = 2.5", {"components", "whole number"});
  wrong("[[step]]\nname = \"regress_out\"\nkeys = \"a\"", {"keys", "list"});
  wrong("[[step]]\nname = \"scale_genes\"\nzero_center = 1", {"zero_center", "true or false"});
  wrong("[[step]]\nname = \"preprocess_train\"\nflavor = \"v3\"", {"flavor", "seurat_v3"});
  wrong("[[step", {"s.toml", "line 1"});
}
