#pragma once

#include <utility>

#include "vcell/preprocess/log1p_rows.hpp"
#include "vcell/preprocess/normalize_to_log1p.hpp"
#include "vcell/preprocess/scale_and_totals.hpp"

VCELL_BEGIN_NAMESPACE

/// Reads X as normalize_to_log1p makes it, to the same bits, in blocks of rows and without changing
/// anything: calls f(rows) with a source that is log1p, which may be read any number of times.
/// Its scale and totals are found in one pass before (where it holds whole numbers of 32 bits or
/// more, another one sees how large they are).
///
/// @param adata   what is said of X; it has none of its own
/// @param X       (cells, genes)
/// @param found   gets how X became log1p
/// @param more    accumulators (see accumulate) that are handed the blocks of X, as it is, in that
///                pass; f finds them filled
/// @return        what f returns, the same type for both kinds of source
/// @throws ConfigError, ShapeError as normalize_to_log1p
template <class S, class F, class... More>
requires RowSource<S, float>
auto with_log1p_rows(const AnnData& adata, S X, const NormalizeToLog1pOptions& options,
                     NormalizedToLog1p& found, F&& f, More&... more) {
  detail::count_chosen("normalize_to_log1p", options.cells, X.rows());
  check_size_match("with_log1p_rows", "rows of X", X.rows(), "cells", adata.cells());
  check_size_match("with_log1p_rows", "columns of X", X.columns(), "genes", adata.genes());
  DType type = DType::f32;
  const auto total = with_value_type<NormalizedTotal>(X, [&]<class T>() {
    type = dtype_of<T>();
    std::vector<double> totals;
    const WatchedRows watched{BorrowedRows(X), options.progress, "totals"};
    const auto scale = detail::scale_and_totals<T>(adata, watched, options.scale, totals, more...);
    found = {scale, declared_target_sum(adata)};
    if (scale.scale != Scale::counts) return NormalizedTotal{};
    return detail::total_factors<T>(X, detail::total_options(options), std::move(totals));
  });
  if (found.found.scale != Scale::counts) return f(X);
  found.target_sum = total.target_sum;
  found.empty_cells = total.empty_cells;
  return f(Log1pRows<S>(std::move(X), total.factors, type, options.library_log1p));
}

VCELL_END_NAMESPACE
