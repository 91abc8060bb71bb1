#pragma once

#include <string>

#include "vcell/core/instantiate.hpp"
#include "vcell/pipeline/check_steps.hpp"
#include "vcell/pipeline/note_steps.hpp"
#include "vcell/preprocess/regress_out.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Does a step to cells in memory.
struct RunStep {
  AnnData& adata;
  const Callbacks& callbacks;

  void operator()(const FilterCellsOptions& o) {
    const auto not_cut = uncut(adata, true, false);
    note_filtered(callbacks, filter_cells(adata, o), threshold_of(o), true, not_cut);
  }
  void operator()(const FilterGenesOptions& o) {
    const auto not_cut = uncut(adata, false, true);
    note_filtered(callbacks, filter_genes(adata, o), threshold_of(o), false, not_cut);
  }
  void operator()(const QcStep& o) { qc_metrics(adata, qc_options(adata, o)); }
  void operator()(const KnockdownOptions& o) {
    note_knockdown(callbacks, filter_on_target_knockdown(adata, o));
  }
  void operator()(const DownsampleCellsOptions& o) { downsample_cells(adata, o); }
  void operator()(const DownsampleCountsOptions& o) { downsample_counts(adata, o); }
  void operator()(const NormalizeTotalOptions& o) {
    note_total(callbacks, adata, normalize_total(adata, o));
  }
  void operator()(const Log1pStep&) { vcell::log1p(adata); }
  void operator()(const HighlyVariableGenesOptions& o) {
    note_hvg(callbacks, highly_variable_genes(adata, limited(o, adata)));
  }
  void operator()(const StoreHvgStep&) { store_hvg(adata, places_of(stored_hvg(adata))); }
  void operator()(const PreprocessTrainOptions& o) {
    note_train(callbacks, preprocess_train(adata, limited(o, adata)));
  }
  void operator()(const RegressOutStep& o) { regress_out(adata, o.keys); }
  void operator()(const ScaleGenesOptions& o) { scale_genes(adata, o); }
  void operator()(const PcaOptions& o) { note_pca(callbacks, pca(adata, o)); }
  void operator()(const PreprocessInferOptions& o) { preprocess_infer(adata, o); }
};

}  // namespace detail

/// Does the steps to cells in memory, in their order, after check_steps.
/// @param from  what the list is called, as its file; errors then say which step they are of
/// @throws ConfigError, ShapeError as check_steps and the functions of the steps do; what was done
///         by then stays done
template <class = void>
void run_steps(AnnData& adata, const PreprocessSteps& steps, const Callbacks& callbacks = {},
               const std::string& from = {}) {
  check_steps(adata, steps, from);
  for (size_t i = 0; i < steps.size(); ++i) {
    report(callbacks.progress, {std::string(name_of_step(steps[i])), i, steps.size(), {}});
    detail::in_step(from, i, [&] { std::visit(detail::RunStep{adata, callbacks}, steps[i]); });
  }
}

VCELL_INSTANTIATE(folders, void run_steps<void>(AnnData&, const PreprocessSteps&, const Callbacks&,
                                                const std::string&));

VCELL_END_NAMESPACE
