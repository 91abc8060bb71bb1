#pragma once

#include <algorithm>
#include <atomic>
#include <numeric>
#include <optional>
#include <span>
#include <string>
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
  /// Leave genes out of every cell's total (they are divided all the same) that hold more than
  /// max_fraction of all counts of some cell: of any of `cells`, if that is given.
  bool exclude_highly_expressed = false;
  double max_fraction = 0.05;  ///< 0 .. 1; looked at with exclude_highly_expressed alone
  /// Of an AnnData: normalise layers[layer] in place of X.
  std::optional<std::string> layer = {};
  /// Of an AnnData: where in obs the factors are stored.
  std::optional<std::string> key_added = {};
};

struct NormalizedTotal {
  double target_sum = 0;        ///< the total every cell has now
  std::vector<double> factors;  ///< (cells) what its values were divided by; 0 where the total is 0
  /// Cells with total 0, over the genes that are not excluded: they stay as they are.
  size_t empty_cells = 0;
  std::vector<size_t> excluded_genes;  ///< those that exclude_highly_expressed found, ascending
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

/// Not 0 for every gene that some cell has more of than max_fraction of its total, in T.
template <class T, class S>
std::vector<uint8_t> highly_expressed(const S& X, const std::vector<double>& totals,
                                      const NormalizeTotalOptions& options) {
  const T fraction = T(options.max_fraction);
  std::vector<uint8_t> out(X.columns());
  for_each_row_block<T>(X, [&](size_t first_cell, const CsrView<T>& block) {
    parallel_for(block.rows, 64, [&](size_t first, size_t last) {
      for (size_t i = first; i < last; ++i) {
        if (!is_chosen(options.cells, first_cell + i)) continue;
        const T most = fraction * T(totals[first_cell + i]);
        const auto genes = block.row_indices(i);
        const auto values = block.row_values(i);
        for (size_t k = 0; k < values.size(); ++k)
          if (values[k] > most)
            std::atomic_ref(out[size_t(genes[k])]).store(1, std::memory_order_relaxed);
      }
    });
  });
  return out;
}

/// The totals, rounded to T, over the genes that are not left out.
template <class T, class S>
std::vector<double> totals_without(const S& X, const std::vector<uint8_t>& left_out) {
  std::vector<double> out(X.rows());
  for_each_row_block<T>(X, [&](size_t first_cell, const CsrView<T>& block) {
    parallel_for(block.rows, 64, [&](size_t first, size_t last) {
      for (size_t i = first; i < last; ++i) {
        const auto genes = block.row_indices(i);
        const auto values = block.row_values(i);
        double sum = 0;
        for (size_t k = 0; k < values.size(); ++k)
          if (!left_out[size_t(genes[k])]) sum += double(values[k]);
        out[first_cell + i] = double(T(sum));
      }
    });
  });
  return out;
}

/// @throws ConfigError if a cell of this total and factor may have values that T does not hold
template <class T>
void check_quotients(size_t cell, T total, T factor, T target) {
  if (total > 0 && !std::isfinite(total / factor))
    throw ConfigError(message("normalize_total: target_sum ", target, " is too large for cell ",
                              "number ", cell, " (from 0), whose total is ", total,
                              ": its values would be infinite; give a smaller one"));
}

/// @throws ConfigError if a number is out of its range
template <class = void>
void check_total_options(const NormalizeTotalOptions& options) {
  if (options.target_sum && !(*options.target_sum > 0 && std::isfinite(*options.target_sum)))
    throw ConfigError(message("normalize_total: target_sum is ", *options.target_sum,
                              ", expected a finite number above 0"));
  if (options.exclude_highly_expressed && !(options.max_fraction >= 0 && options.max_fraction <= 1))
    throw ConfigError(
        message("normalize_total: max_fraction is ", options.max_fraction, ", expected 0 .. 1"));
}

/// The total that cells get, in T.
/// @param totals  of the cells now; not looked at where options have a target_sum
/// @throws ConfigError if it is no finite number above 0, or there is no median
template <class T>
T target_of(const NormalizeTotalOptions& options, const std::vector<double>& totals) {
  const T target =
      options.target_sum ? T(*options.target_sum) : median_total<T>(totals, options.cells);
  if (!(target > 0 && std::isfinite(target)))
    throw ConfigError(
        message("normalize_total: target_sum is ", target, ", expected a finite number above 0"));
  return target;
}

/// The sum of a cell's values, rounded to T.
template <class T>
double total_of(std::span<const T> values) {
  return double(T(std::accumulate(values.begin(), values.end(), 0.0)));
}

/// What a cell's values are divided by: 0 where the total is 0.
/// @param total      in T, without genes that are left out
/// @param all_genes  in T, with them
template <class T>
double factor_of(size_t cell, double total, double all_genes, T target) {
  const T factor = T(total) / target;
  if (total > 0) check_quotients<T>(cell, T(all_genes), factor, target);
  return double(factor);
}

/// The total that cells get, and what each is divided by.
/// @param totals  (cells) of X
template <class T, class S>
NormalizedTotal total_factors(const S& X, const NormalizeTotalOptions& options,
                              std::vector<double> totals) {
  check_total_options(options);
  NormalizedTotal out;
  out.factors = std::move(totals);
  std::vector<double> all_genes = out.factors;
  if (options.exclude_highly_expressed) {
    const auto left_out = highly_expressed<T>(X, out.factors, options);
    for (size_t gene = 0; gene < left_out.size(); ++gene)
      if (left_out[gene]) out.excluded_genes.push_back(gene);
    if (!out.excluded_genes.empty()) out.factors = totals_without<T>(X, left_out);
  }
  const T target = target_of<T>(options, out.factors);
  out.target_sum = target;
  for (size_t cell = 0; cell < out.factors.size(); ++cell) {
    double& factor = out.factors[cell];
    out.empty_cells += factor == 0;
    factor = factor_of<T>(cell, factor, all_genes[cell], target);
  }
  return out;
}

template <class T, class S>
NormalizedTotal total_factors(const S& X, const NormalizeTotalOptions& options) {
  return total_factors<T>(X, options, map_cells<T>(X, total_of<T>));
}

/// What a cell's values are divided by: 1 where the factor is 0.
template <class T>
T divisor(double factor) {
  return T(factor) > 0 ? T(factor) : T(1);
}

/// Divides a cell's values by its factor; one of total 0 stays as it is.
template <class T>
void divide_row(std::span<T> values, double by) {
  const T factor = divisor<T>(by);
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
/// the steps of `scanpy.pp.normalize_total`, so that float data gives its very numbers. With
/// exclude_highly_expressed the sum leaves out every gene g for which X[c, g] > max_fraction
/// total[c] in some cell c, the median is that of the new totals, and a cell without any other
/// counts stays as it is.
///
/// @param X  (cells, genes) counts; changed in place
/// @throws ConfigError if a value is negative or not finite, target_sum is not finite or not
///         above 0 or so large that values would be infinite, or it is not given and no cell that
///         is looked at has a total above 0, or max_fraction is not in 0 .. 1;
///         ShapeError if options.cells has another number of entries than X has rows
template <class = void>
NormalizedTotal normalize_total(Matrix& X, const NormalizeTotalOptions& options = {}) {
  return detail::normalize_total(X, options, nullptr);
}

namespace detail {

/// Stores what cells were divided by where the options say.
template <class = void>
void store_factors(AnnData& adata, const NormalizedTotal& total, DType dtype,
                   const NormalizeTotalOptions& options) {
  const auto& factors = total.factors;
  if (options.key_added)
    adata.obs.set(*options.key_added, dtype == DType::f64 ? Numbers(factors)
                                                          : Numbers(std::vector<float>(
                                                                factors.begin(), factors.end())));
}

}  // namespace detail

/// What normalize_total divides every cell by, of anything that is read in row blocks: see
/// NormalizedRows and Log1pRows. The values are read twice, and twice more if genes are excluded.
/// @param names  for messages: whose cells and genes these are
/// @throws ConfigError, ShapeError as above
template <class S>
requires RowSource<S, float> NormalizedTotal total_factors(
    const S& X, const NormalizeTotalOptions& options = {}, const AnnData* names = nullptr) {
  detail::count_chosen("normalize_total", options.cells, X.rows());
  detail::check_not_negative("normalize_total", X, names);
  return with_value_type<NormalizedTotal>(
      X, [&]<class T>() { return detail::total_factors<T>(X, options); });
}

/// The same as the first for X of adata or a layer; the factors are stored in obs[key_added], if
/// that is given.
/// @throws ConfigError also if there is no such matrix, or it is X and uns['log1p'] says that it is
///         log1p already
template <class = void>
NormalizedTotal normalize_total(AnnData& adata, const NormalizeTotalOptions& options = {}) {
  if (!options.layer) detail::check_not_log1p("normalize_total", adata);
  Matrix& X = options.layer ? detail::layer_of("normalize_total", adata, *options.layer)
                            : detail::matrix_of("normalize_total", adata);
  NormalizedTotal out = detail::normalize_total(X, options, &adata);
  detail::store_factors(adata, out, X.dtype(), options);
  return out;
}

VCELL_END_NAMESPACE
