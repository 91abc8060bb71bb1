#pragma once

#include <algorithm>
#include <numeric>
#include <span>

#include "vcell/data/keep.hpp"
#include "vcell/data/selected_rows.hpp"
#include "vcell/preprocess/filtered.hpp"
#include "vcell/preprocess/matrix_of.hpp"
#include "vcell/preprocess/over_cells.hpp"

VCELL_BEGIN_NAMESPACE

/// Exactly one is given in a call; the value itself is kept.
struct FilterCellsOptions {
  std::optional<double> min_counts = {};  ///< keep cells with at least this total
  std::optional<double> min_genes = {};   ///< keep cells with a value above 0 in at least so many
  std::optional<double> max_counts = {};  ///< keep cells with at most this total
  std::optional<double> max_genes = {};   ///< keep cells with a value above 0 in at most so many
};

namespace detail {

/// What a threshold compares of a cell.
template <class T>
double number_of_cell(const Threshold& threshold, std::span<const T> values) {
  if (threshold.counts) return std::accumulate(values.begin(), values.end(), 0.0);
  return double(std::count_if(values.begin(), values.end(), [](T x) { return x > 0; }));
}

template <class = void>
Threshold threshold_of(const FilterCellsOptions& o) {
  return threshold_of("filter_cells", "genes", o.min_counts, o.min_genes, o.max_counts,
                      o.max_genes);
}

}  // namespace detail

/// Judges cells by their total or by the number of genes with a value above 0, as
/// `scanpy.pp.filter_cells` does (stored zeros do not count).
///
/// @param X  (cells, genes), a Matrix or anything that is read in row blocks
/// @return   one entry per cell
/// @throws ConfigError if not exactly one threshold is given or it is below 0
template <class S>
requires RowSource<S, float> Filtered filter_cells(const S& X, const FilterCellsOptions& options) {
  const auto threshold = detail::threshold_of(options);
  return detail::judge(threshold, with_value_type<std::vector<double>>(X, [&]<class T>() {
                         return map_cells<T>(X, [&](std::span<const T> values) {
                           return detail::number_of_cell(threshold, values);
                         });
                       }));
}

namespace detail {

/// Stores what was compared, and drops the cells that do not stay.
template <class = void>
void drop_cells(AnnData& adata, const Filtered& judged, bool by_counts) {
  if (by_counts)
    adata.obs.set("n_counts", judged.numbers);
  else
    adata.obs.set("n_genes", std::vector<int64_t>(judged.numbers.begin(), judged.numbers.end()));
  if (judged.dropped()) keep_cells(adata, judged.keep);
}

}  // namespace detail

/// The same, and drops the cells that do not stay from every part of adata; those that do have the
/// number compared in obs['n_counts'] or obs['n_genes'].
/// @throws ConfigError as above or if there is no X
template <class = void>
Filtered filter_cells(AnnData& adata, const FilterCellsOptions& options) {
  Filtered out = filter_cells(detail::matrix_of("filter_cells", adata), options);
  detail::drop_cells(adata, out, options.min_counts || options.max_counts);
  return out;
}

/// The same with X apart from adata, which has none.
/// @throws ConfigError as above
template <class S>
Filtered filter_cells(AnnData& adata, SelectedRows<S>& X, const FilterCellsOptions& options) {
  Filtered out = filter_cells(X, options);
  detail::drop_cells(adata, out, options.min_counts || options.max_counts);
  X.keep_rows(out.keep);
  return out;
}

VCELL_END_NAMESPACE
