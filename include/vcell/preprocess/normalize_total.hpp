#pragma once

#include <algorithm>
#include <numeric>
#include <optional>
#include <span>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/data/borrowed_rows.hpp"
#include "vcell/data/watched_rows.hpp"
#include "vcell/preprocess/declared_scale.hpp"
#include "vcell/preprocess/over_cells.hpp"

VCELL_BEGIN_NAMESPACE

struct NormalizeTotalOptions {
  /// The total every cell gets. Not given: the median of the totals above 0.
  std::optional<double> target_sum = {};
  /// Not 0 where a cell's total is in the median, one entry per cell; empty: all are. Every cell is
  /// scaled whatever it says.
  std::span<const uint8_t> cells = {};
};

struct NormalizedTotal {
  double target_sum = 0;        ///< the total every cell has now
  std::vector<double> factors;  ///< (cells) what its values were divided by; 0 where the total is 0
  size_t empty_cells = 0;       ///< cells with total 0: they stay zero
};

namespace detail {

/// The matrix as a source whose blocks are told to a watcher, as of one of several passes.
template <class = void>
WatchedRows<BorrowedRows<Matrix>> watched_matrix(const Matrix& X, const Progress& progress) {
  Progress watch;
  if (progress)
    watch = [&progress](const ProgressUpdate& update) {
      return progress({update.stage, update.done, 0, {}});
    };
  return {BorrowedRows<Matrix>(X), std::move(watch), "normalize"};
}

template <class S>
void check_not_negative(const char* function, const S& X, const AnnData* names) {
  if (const auto found = find_value(X, [](auto x) { return !(x >= 0 && std::isfinite(x)); }))
    throw ConfigError(
        message(function, ": ", text_of(*found, names), ", expected finite numbers from 0"));
}

/// The median of the totals above 0; of an even number the mean of the two in the middle, in T.
/// @param cells  whose totals; empty: those of all
template <class T>
T median_total(const std::vector<double>& totals, std::span<const uint8_t> cells) {
  std::vector<T> positive;
  size_t chosen = 0;
  for (size_t cell = 0; cell < totals.size(); ++cell) {
    if (!is_chosen(cells, cell)) continue;
    ++chosen;
    if (totals[cell] > 0) positive.push_back(T(totals[cell]));
  }
  if (positive.empty())
    throw ConfigError(message("normalize_total: none of the ", chosen, " cells has a total above 0",
                              cells.empty() ? "" : " (of those that options.cells chooses)",
                              ", so there is no median; give target_sum"));
  const auto middle = positive.begin() + std::ptrdiff_t(positive.size() / 2);
  std::nth_element(positive.begin(), middle, positive.end());
  if (positive.size() % 2) return *middle;
  return (*std::max_element(positive.begin(), middle) + *middle) / T(2);
}

/// The total that cells get, and what each is divided by.
template <class T, class S>
NormalizedTotal total_factors(const S& X, const NormalizeTotalOptions& options) {
  NormalizedTotal out;
  out.factors = map_cells<T>(X, [](std::span<const T> values) {
    return double(T(std::accumulate(values.begin(), values.end(), 0.0)));
  });
  const T target =
      options.target_sum ? T(*options.target_sum) : median_total<T>(out.factors, options.cells);
  if (!(target > 0 && std::isfinite(target)))
    throw ConfigError(
        message("normalize_total: target_sum is ", target, ", expected a finite number above 0"));
  out.target_sum = target;
  for (double& factor : out.factors) {
    out.empty_cells += factor == 0;
    factor = double(T(factor) / target);
  }
  return out;
}

/// Divides a cell's values by its factor; one of total 0 stays as it is.
template <class T>
void divide_row(std::span<T> values, double by) {
  const T factor = T(by);
  if (factor > 0)
    for (T& x : values) x /= factor;
}

template <class = void>
NormalizedTotal normalize_total(Matrix& X, const NormalizeTotalOptions& options,
                                const AnnData* names, const Progress& progress = {}) {
  count_chosen("normalize_total", options.cells, X.rows());
  const auto watched = watched_matrix(X, progress);
  check_not_negative("normalize_total", watched, names);
  return with_value_type<NormalizedTotal>(X, [&]<class T>() {
    auto out = total_factors<T>(watched, options);
    transform_rows<T>(
        X, [&](size_t cell, std::span<T> values) { divide_row(values, out.factors[cell]); },
        progress);
    return out;
  });
}

}  // namespace detail

/// Scales every cell to the same total:
///
///   total[c] = sum_g X[c, g]        summed in double, rounded to T
///   X[c, g]  = X[c, g] / (total[c] / target_sum)        in T, float or double: see with_value_type
///
/// the steps of `scanpy.pp.normalize_total`, so that float data gives its very numbers.
///
/// @param X  (cells, genes) counts; changed in place
/// @throws ConfigError if a value is negative or not finite, target_sum is not finite or not
///         above 0, or it is not given and no cell that is looked at has a total above 0;
///         ShapeError if options.cells has another number of entries than X has rows
template <class = void>
NormalizedTotal normalize_total(Matrix& X, const NormalizeTotalOptions& options = {}) {
  return detail::normalize_total(X, options, nullptr);
}

/// The same for X of adata.
/// @throws ConfigError also if there is no X or uns['log1p'] says that it is log1p already
template <class = void>
NormalizedTotal normalize_total(AnnData& adata, const NormalizeTotalOptions& options = {}) {
  Matrix& X = detail::matrix_of("normalize_total", adata);
  if (detail::says_log1p("normalize_total", adata))
    throw ConfigError(
        "normalize_total: uns['log1p'] says that X is log1p already, expected counts");
  return detail::normalize_total(X, options, &adata);
}

VCELL_END_NAMESPACE
