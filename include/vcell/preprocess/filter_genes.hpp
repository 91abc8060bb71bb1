#pragma once

#include <array>

#include "vcell/data/keep.hpp"
#include "vcell/data/selected_rows.hpp"
#include "vcell/preprocess/filtered.hpp"
#include "vcell/preprocess/matrix_of.hpp"
#include "vcell/preprocess/over_cells.hpp"

VCELL_BEGIN_NAMESPACE

/// Exactly one is given in a call; the value itself is kept.
struct FilterGenesOptions {
  std::optional<double> min_counts = {};  ///< keep genes with at least this total
  std::optional<double> min_cells = {};   ///< keep genes with a value above 0 in at least so many
  std::optional<double> max_counts = {};  ///< keep genes with at most this total
  std::optional<double> max_cells = {};   ///< keep genes with a value above 0 in at most so many
};

namespace detail {

template <class = void>
Threshold threshold_of(const FilterGenesOptions& o) {
  return threshold_of("filter_genes", "cells", o.min_counts, o.min_cells, o.max_counts,
                      o.max_cells);
}

}  // namespace detail

/// Judges genes by their total or by the number of cells with a value above 0, as
/// `scanpy.pp.filter_genes` does (stored zeros do not count).
///
/// @param X  (cells, genes), a Matrix or anything that is read in row blocks
/// @return   one entry per gene
/// @throws ConfigError if not exactly one threshold is given or it is below 0
template <class S>
requires RowSource<S, float> Filtered filter_genes(const S& X, const FilterGenesOptions& options) {
  const auto threshold = detail::threshold_of(options);
  const auto sums = with_value_type<std::vector<std::array<double, 1>>>(X, [&]<class T>() {
    return sum_over_cells<T, 1>(X, [&](T x) {
      return std::array<double, 1>{threshold.counts ? double(x) : double(x > 0)};
    });
  });
  std::vector<double> numbers(sums.size());
  for (size_t gene = 0; gene < sums.size(); ++gene) numbers[gene] = sums[gene][0];
  return detail::judge(threshold, std::move(numbers));
}

namespace detail {

/// Stores what was compared, and drops the genes that do not stay.
template <class = void>
void drop_genes(AnnData& adata, const Filtered& judged, bool by_counts) {
  if (by_counts)
    adata.var.set("n_counts", judged.numbers);
  else
    adata.var.set("n_cells", std::vector<int64_t>(judged.numbers.begin(), judged.numbers.end()));
  if (judged.dropped()) keep_genes(adata, judged.keep);
}

}  // namespace detail

/// The same, and drops the genes that do not stay from every part of adata (raw keeps its own);
/// those that do have the number compared in var['n_counts'] or var['n_cells'].
/// @throws ConfigError as above or if there is no X
template <class = void>
Filtered filter_genes(AnnData& adata, const FilterGenesOptions& options) {
  Filtered out = filter_genes(detail::matrix_of("filter_genes", adata), options);
  detail::drop_genes(adata, out, options.min_counts || options.max_counts);
  return out;
}

/// The same with X apart from adata, which has none.
/// @throws ConfigError as above
template <class S>
Filtered filter_genes(AnnData& adata, SelectedRows<S>& X, const FilterGenesOptions& options) {
  Filtered out = filter_genes(X, options);
  detail::drop_genes(adata, out, options.min_counts || options.max_counts);
  X.keep_columns(out.keep);
  return out;
}

VCELL_END_NAMESPACE
