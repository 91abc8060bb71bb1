#pragma once

#include <utility>

#include "vcell/preprocess/log1p_rows.hpp"
#include "vcell/preprocess/normalize_to_log1p.hpp"

VCELL_BEGIN_NAMESPACE

/// Reads X as normalize_to_log1p makes it, to the same bits, in blocks of rows and without changing
/// anything: calls f(rows) with a source that is log1p, which may be read any number of times.
/// Finding the scale and the totals takes up to two passes before.
///
/// @param adata   what is said of X; it has none of its own
/// @param X       (cells, genes)
/// @param found   gets how X became log1p
/// @return        what f returns, the same type for both kinds of source
/// @throws ConfigError, ShapeError as normalize_to_log1p
template <class S, class F>
requires RowSource<S, float>
auto with_log1p_rows(const AnnData& adata, S X, const NormalizeToLog1pOptions& options,
                     NormalizedToLog1p& found, F&& f) {
  detail::count_chosen("normalize_to_log1p", options.cells, X.rows());
  check_size_match("with_log1p_rows", "rows of X", X.rows(), "cells", adata.cells());
  check_size_match("with_log1p_rows", "columns of X", X.columns(), "genes", adata.genes());
  found = {
      declared_scale(adata, WatchedRows(BorrowedRows(X), options.progress, "check"), options.scale),
      declared_target_sum(adata)};
  if (found.found.scale != Scale::counts) return f(X);
  DType type = DType::f32;
  auto total = with_value_type<NormalizedTotal>(X, [&]<class T>() {
    type = dtype_of<T>();
    return detail::total_factors<T>(WatchedRows(BorrowedRows(X), options.progress, "totals"),
                                    {options.target_sum, options.cells});
  });
  found.target_sum = total.target_sum;
  found.empty_cells = total.empty_cells;
  return f(Log1pRows<S>(std::move(X), std::move(total.factors), type, options.library_log1p));
}

VCELL_END_NAMESPACE
