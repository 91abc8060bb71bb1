#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "vcell/preprocess/downsample_cells.hpp"
#include "vcell/preprocess/downsample_counts.hpp"
#include "vcell/preprocess/filter_cells.hpp"
#include "vcell/preprocess/filter_genes.hpp"
#include "vcell/preprocess/filter_on_target_knockdown.hpp"
#include "vcell/preprocess/pca.hpp"
#include "vcell/preprocess/preprocess_infer.hpp"
#include "vcell/preprocess/preprocess_train.hpp"
#include "vcell/preprocess/scale_genes.hpp"
#include "vcell/preprocess/store_qc_metrics.hpp"

VCELL_BEGIN_NAMESPACE

/// qc_metrics, with sets of genes that are found when the step comes.
struct QcStep {
  /// Genes whose names begin with this are the set "mt"; none: there is no such set.
  std::optional<std::string> mt_prefix = {};
  /// Where these names are: a column of var. Not given: the index.
  std::optional<std::string> gene_key = {};
  /// Columns of var that are true for the genes of a set, which has the column's name.
  std::vector<std::string> gene_columns = {};
  std::vector<size_t> percent_top = {50, 100, 200, 500};  ///< as in QcMetricsOptions
  bool log1p = true;                                      ///< write columns of log(1 + x) too
  std::optional<std::string> layer = {};                  ///< look at it in place of X
};

/// log1p, which has no options.
struct Log1pStep {};

/// store_hvg: obsm['X_hvg'] of the genes for which var['highly_variable'] is true.
struct StoreHvgStep {};

/// regress_out
struct RegressOutStep {
  std::vector<std::string> keys = {};  ///< columns of obs: one that is categorical, or numbers
};

/// One step of preprocessing: the options of the function that it calls.
using PreprocessStep =
    std::variant<FilterCellsOptions, FilterGenesOptions, QcStep, KnockdownOptions,
                 DownsampleCellsOptions, DownsampleCountsOptions, NormalizeTotalOptions, Log1pStep,
                 HighlyVariableGenesOptions, StoreHvgStep, PreprocessTrainOptions, RegressOutStep,
                 ScaleGenesOptions, PcaOptions, PreprocessInferOptions>;

/// What is done to cells, in this order.
using PreprocessSteps = std::vector<PreprocessStep>;

namespace detail {

// visit_fields(options, f) calls f(name, field) for every option that a list of steps may say, and
// f returns whether it changed the field.

template <class F>
void visit_fields(FilterCellsOptions& o, F&& f) {
  f("min_counts", o.min_counts), f("min_genes", o.min_genes);
  f("max_counts", o.max_counts), f("max_genes", o.max_genes);
}
template <class F>
void visit_fields(FilterGenesOptions& o, F&& f) {
  f("min_counts", o.min_counts), f("min_cells", o.min_cells);
  f("max_counts", o.max_counts), f("max_cells", o.max_cells);
}
template <class F>
void visit_fields(QcStep& o, F&& f) {
  f("mt_prefix", o.mt_prefix), f("gene_key", o.gene_key), f("gene_columns", o.gene_columns);
  f("percent_top", o.percent_top), f("log1p", o.log1p), f("layer", o.layer);
}
template <class F>
void visit_fields(KnockdownOptions& o, F&& f) {
  f("residual_expression", o.residual_expression);
  f("cell_residual_expression", o.cell_residual_expression), f("min_cells", o.min_cells);
  f("control", o.control), f("perturbation_key", o.perturbation_key);
  f("gene_key", o.gene_key), f("layer", o.layer);
}
template <class F>
void visit_fields(DownsampleCellsOptions& o, F&& f) {
  f("cells", o.cells), f("group_keys", o.group_keys), f("seed", o.seed);
}
template <class F>
void visit_fields(DownsampleCountsOptions& o, F&& f) {
  f("fraction", o.fraction), f("counts_per_cell", o.counts_per_cell), f("seed", o.seed);
}
template <class F>
void visit_fields(NormalizeTotalOptions& o, F&& f) {
  f("target_sum", o.target_sum), f("exclude_highly_expressed", o.exclude_highly_expressed);
  f("max_fraction", o.max_fraction), f("layer", o.layer), f("key_added", o.key_added);
}
template <class F>
void visit_fields(Log1pStep&, F&&) {}
template <class F>
void visit_fields(HighlyVariableGenesOptions& o, F&& f) {
  f("flavor", o.flavor), f("n_top_genes", o.n_top_genes), f("n_bins", o.n_bins);
  f("layer", o.layer), f("batch_key", o.batch_key);
  HvgCutOffs cut = o.cut_offs.value_or(HvgCutOffs());
  bool given = o.cut_offs.has_value();
  given |= f("min_mean", cut.min_mean), given |= f("max_mean", cut.max_mean);
  given |= f("min_disp", cut.min_disp), given |= f("max_disp", cut.max_disp);
  if (given) o.cut_offs = cut;
}
template <class F>
void visit_fields(StoreHvgStep&, F&&) {}
template <class F>
void visit_fields(PreprocessTrainOptions& o, F&& f) {
  f("scale", o.scale), f("target_sum", o.target_sum);
  f("exclude_highly_expressed", o.exclude_highly_expressed), f("max_fraction", o.max_fraction);
  visit_fields(o.hvg, f);
}
template <class F>
void visit_fields(RegressOutStep& o, F&& f) {
  f("keys", o.keys);
}
template <class F>
void visit_fields(ScaleGenesOptions& o, F&& f) {
  f("zero_center", o.zero_center), f("max_value", o.max_value), f("layer", o.layer);
}
template <class F>
void visit_fields(PcaOptions& o, F&& f) {
  f("components", o.components), f("oversample", o.oversample), f("iterations", o.iterations);
  f("seed", o.seed), f("layer", o.layer), f("gene_mask", o.gene_mask);
}
template <class F>
void visit_fields(PreprocessInferOptions& o, F&& f) {
  f("seed", o.seed), f("control", o.control), f("perturbation_key", o.perturbation_key);
  f("context_keys", o.context_keys);
}

/// As PreprocessStep has them.
inline constexpr std::string_view step_names[] = {"filter_cells",
                                                  "filter_genes",
                                                  "qc_metrics",
                                                  "filter_on_target_knockdown",
                                                  "downsample_cells",
                                                  "downsample_counts",
                                                  "normalize_total",
                                                  "log1p",
                                                  "highly_variable_genes",
                                                  "store_hvg",
                                                  "preprocess_train",
                                                  "regress_out",
                                                  "scale_genes",
                                                  "pca",
                                                  "preprocess_infer"};
static_assert(std::size(step_names) == std::variant_size_v<PreprocessStep>);

}  // namespace detail

/// What a step is called: the name of its function.
inline std::string_view name_of_step(const PreprocessStep& step) {
  return detail::step_names[step.index()];
}

VCELL_END_NAMESPACE
