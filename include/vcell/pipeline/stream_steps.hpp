#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vcell/data/any_rows.hpp"
#include "vcell/data/dense_rows.hpp"
#include "vcell/data/picked_rows.hpp"
#include "vcell/pipeline/check_steps.hpp"
#include "vcell/pipeline/judge_pass.hpp"
#include "vcell/pipeline/note_steps.hpp"
#include "vcell/preprocess/normalized_rows.hpp"
#include "vcell/preprocess/regress_out.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

struct KeepValues {
  template <class T>
  void operator()(size_t, std::span<const int32_t>, std::span<T>) const {}
};

/// Rows that are read as float and written dense, as obsm['X_hvg'] is.
template <class S>
DenseRows<TransformedRows<S, KeepValues>> single_dense_rows(S rows) {
  return DenseRows(TransformedRows<S, KeepValues>(std::move(rows), {}, DType::f32));
}

}  // namespace detail

/// Cells to which steps are done while X stays where it is: what steps find is in memory, and what
/// becomes of X is found when it is read, to the bits that run_steps gives.
class StreamedSteps {
 public:
  using Rows = SelectedRows<AnyRows>;

  /// @param adata  all but X; changed by the steps; lives as long as this
  /// @param X      (cells, genes)
  /// @param callbacks  live as long as this
  StreamedSteps(AnnData& adata, AnyRows X, const Callbacks& callbacks)
      : adata_(adata), rows_(std::move(X)), callbacks_(callbacks) {}

  /// Does the steps first .. last - 1 of a list; QC metrics and filters that follow each other
  /// share a pass. What cannot be done is looked for by check_steps before.
  template <class = void>
  void run(const PreprocessSteps& steps, size_t first, size_t last, const std::string& from = {});

  /// What X is after the steps so far.
  Rows& X() { return rows_; }
  /// The same of obsm['X_hvg'], float and dense, if a step made it; adata has no such entry then.
  template <class = void>
  auto hvg() const {
    std::optional<decltype(detail::single_dense_rows(std::declval<Rows>()))> out;
    if (hvg_) out.emplace(detail::single_dense_rows(*hvg_));
    return out;
  }

 private:
  template <class S>
  void become(S source) {
    rows_ = Rows(AnyRows::of(std::move(source)));
  }
  template <class = void>
  void drop_cells(std::span<const uint8_t> keep) {
    rows_.keep_rows(keep);
    if (hvg_) hvg_->keep_rows(keep);
  }
  template <class = void>
  void judge(const PreprocessSteps& steps, size_t first, size_t last);
  template <class T>
  void judge_as(const PreprocessSteps& steps, size_t first, size_t last);

  template <class = void>
  void run_one(const KnockdownOptions& o) {
    KnockdownFiltered found;
    if (o.layer) {
      found = filter_on_target_knockdown(adata_, o);
      rows_.keep_rows(found.keep);
    } else {
      found = filter_on_target_knockdown(adata_, rows_, o);
    }
    if (hvg_) hvg_->keep_rows(found.keep);
    detail::note_knockdown(callbacks_, found);
  }
  template <class = void>
  void run_one(const QcStep& o) {  // of a layer; see judge
    qc_metrics(adata_, detail::qc_options(adata_, o));
  }
  template <class = void>
  void run_one(const DownsampleCellsOptions& o) {
    drop_cells(downsample_cells(adata_, o));
  }
  template <class = void>
  void run_one(const DownsampleCountsOptions& o) {
    become(downsampled_rows(adata_, rows_, o));
  }
  template <class = void>
  void run_one(const NormalizeTotalOptions& o) {
    NormalizedTotal done;
    if (o.layer)
      done = normalize_total(adata_, o);
    else
      become(normalized_rows(adata_, rows_, o, done));
    detail::note_total(callbacks_, adata_, done);
  }
  template <class = void>
  void run_one(const Log1pStep&) {
    become(log1p_rows(adata_, rows_));
  }
  template <class = void>
  void run_one(const HighlyVariableGenesOptions& given) {
    const auto o = detail::limited(given, adata_);
    detail::note_hvg(callbacks_, o.layer ? highly_variable_genes(adata_, o)
                                         : highly_variable_genes(adata_, rows_, o));
  }
  template <class = void>
  void run_one(const StoreHvgStep&) {
    const auto taken = detail::stored_hvg(adata_);
    name_hvg(adata_, detail::places_of(taken));
    keep_hvg(taken);
  }
  template <class = void>
  void run_one(const PreprocessTrainOptions& o);
  template <class = void>
  void run_one(const RegressOutStep& o) {
    become(residual_rows(adata_, rows_, o.keys));
  }
  template <class = void>
  void run_one(const ScaleGenesOptions& o);
  template <class = void>
  void run_one(const PcaOptions& o) {
    detail::note_pca(callbacks_, o.layer ? pca(adata_, o) : pca(adata_, rows_, o));
  }
  template <class = void>
  void run_one(const PreprocessInferOptions& o) {
    const auto rows = preprocess_infer(adata_, o);
    become(PickedRows(std::move(rows_), rows));
    if (hvg_) hvg_ = Rows(AnyRows::of(PickedRows(std::move(*hvg_), rows)));
  }
  template <class = void>
  void run_one(const FilterCellsOptions&) {}  // see judge
  template <class = void>
  void run_one(const FilterGenesOptions&) {}

  template <class = void>
  void keep_hvg(std::span<const uint8_t> genes) {
    hvg_ = rows_;
    hvg_->keep_columns(genes);
    adata_.obsm.erase("X_hvg");
  }

  AnnData& adata_;
  Rows rows_;
  std::optional<Rows> hvg_;  // X as it was, with these columns
  const Callbacks& callbacks_;
};

namespace detail {

/// Whether a step is one of those that share a pass, and how far on it is: QC metrics come first,
/// then filters of cells, then those of genes; 0: it is none.
inline int place_in_pass(const PreprocessStep& step) {
  if (const auto* qc = std::get_if<QcStep>(&step)) return qc->layer ? 0 : 1;
  return std::holds_alternative<FilterCellsOptions>(step)   ? 2
         : std::holds_alternative<FilterGenesOptions>(step) ? 3
                                                            : 0;
}

/// The entries whose flag is not 0.
template <class = void>
void keep_entries(std::vector<size_t>& places, std::span<const uint8_t> keep) {
  size_t kept = 0;
  for (size_t i = 0; i < places.size(); ++i)
    if (keep[i]) places[kept++] = places[i];
  places.resize(kept);
}

}  // namespace detail

template <class>
void StreamedSteps::run(const PreprocessSteps& steps, size_t first, size_t last,
                        const std::string& from) {
  for (size_t i = first, end; i < last; i = end) {
    end = i + 1;
    if (const int place = detail::place_in_pass(steps[i])) {
      for (int now = place; end < last; ++end) {
        const int next = detail::place_in_pass(steps[end]);
        if (next < now) break;
        now = next;
      }
      detail::in_step(from, i, [&] { judge(steps, i, end); });
      continue;
    }
    detail::in_step(from, i,
                    [&] { std::visit([&](const auto& step) { run_one(step); }, steps[i]); });
  }
}

template <class>
void StreamedSteps::judge(const PreprocessSteps& steps, size_t first, size_t last) {
  if (value_type(rows_) == DType::f64)
    judge_as<double>(steps, first, last);
  else
    judge_as<float>(steps, first, last);
}

template <class T>
void StreamedSteps::judge_as(const PreprocessSteps& steps, size_t first, size_t last) {
  std::vector<QcMetricsOptions> qc;
  std::vector<detail::Threshold> of_cells;
  bool count_genes = false;
  for (size_t i = first; i < last; ++i) {
    if (const auto* o = std::get_if<QcStep>(&steps[i]))
      qc.push_back(detail::qc_options(adata_, *o));
    if (const auto* o = std::get_if<FilterCellsOptions>(&steps[i]))
      of_cells.push_back(detail::threshold_of(*o));
    count_genes |= std::holds_alternative<FilterGenesOptions>(steps[i]);
  }
  detail::JudgePass<T> found(adata_.cells(), adata_.genes(), rows_.dtype(), qc, of_cells,
                             count_genes);
  accumulate<T>(rows_, found);
  for (size_t k = 0; k < qc.size(); ++k) store_qc_metrics(adata_, found.take_qc(k), qc[k]);

  // What is left of the cells and genes that were read.
  std::vector<size_t> cells(adata_.cells()), genes(adata_.genes());
  std::iota(cells.begin(), cells.end(), size_t(0));
  std::iota(genes.begin(), genes.end(), size_t(0));
  for (size_t i = first, filter = 0; i < last; ++i) {
    if (std::holds_alternative<FilterCellsOptions>(steps[i])) {
      const detail::Threshold& t = of_cells[filter];
      std::vector<double> numbers;
      for (const size_t cell : cells) numbers.push_back(found.numbers(filter)[cell]);
      ++filter;
      const auto not_cut = uncut(adata_, true, false);
      const Filtered judged = detail::judge(t, std::move(numbers));
      detail::drop_cells(adata_, judged, t.counts);
      drop_cells(judged.keep);
      detail::keep_entries(cells, judged.keep);
      detail::note_filtered(callbacks_, judged, t, true, not_cut);
    }
    if (const auto* o = std::get_if<FilterGenesOptions>(&steps[i])) {
      const detail::Threshold t = detail::threshold_of(*o);
      std::vector<double> numbers;
      for (const size_t gene : genes)
        numbers.push_back(t.counts ? found.genes()[gene].counts : found.genes()[gene].cells);
      const auto not_cut = uncut(adata_, false, true);
      const Filtered judged = detail::judge(t, std::move(numbers));
      detail::drop_genes(adata_, judged, t.counts);
      rows_.keep_columns(judged.keep);
      detail::keep_entries(genes, judged.keep);
      detail::note_filtered(callbacks_, judged, t, false, not_cut);
    }
  }
}

template <class>
void StreamedSteps::run_one(const PreprocessTrainOptions& given) {
  auto [X, done] = preprocessed_rows(adata_, std::move(rows_), detail::limited(given, adata_));
  become(std::move(X));
  name_hvg(adata_, done.hvg.indices());
  keep_hvg(done.hvg.highly_variable);
  detail::note_train(callbacks_, done);
}

template <class>
void StreamedSteps::run_one(const ScaleGenesOptions& o) {
  if (o.layer) {
    scale_genes(adata_, o);
    return;
  }
  detail::check_max_value(o);
  const DType type = value_type(rows_);
  GeneScales scales = gene_scales(rows_);
  store_scales(adata_, scales);
  if (o.zero_center)
    become(CentredRows<Rows>(std::move(rows_), std::move(scales), type, o));
  else
    become(ScaledRows<Rows>(std::move(rows_), std::move(scales.sds), type, o.max_value));
}

VCELL_END_NAMESPACE
