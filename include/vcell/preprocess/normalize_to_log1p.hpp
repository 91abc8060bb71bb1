#pragma once

#include "vcell/core/instantiate.hpp"
#include "vcell/preprocess/log1p.hpp"

VCELL_BEGIN_NAMESPACE

struct NormalizeToLog1pOptions {
  /// What X holds. Not given: what the file says (see declared_scale).
  std::optional<Scale> scale = {};
  /// The total every cell gets; ignored where X is log1p. Not given: the median of the totals.
  std::optional<double> target_sum = {};
  /// Not 0 where a cell's total is in the median (see NormalizeTotalOptions); empty: all are.
  std::span<const uint8_t> cells = {};
  /// Whether log1p of float is the standard library's to the last digit, as of numpy, and not the
  /// faster log1p_values: where ties decide, as in rank tests beside those of other programs. All
  /// that is scored is made so, by runs as by evaluations.
  bool library_log1p = false;
  /// Told of every block of cells, in each of several passes; may stop, and X is then neither.
  Progress progress = {};
  /// As in NormalizeTotalOptions.
  bool exclude_highly_expressed = false;
  double max_fraction = 0.05;
};

struct NormalizedToLog1p {
  DeclaredScale found;               ///< what X held, and whether that was inferred
  std::optional<double> target_sum;  ///< the total used, or declared where X was log1p
  size_t empty_cells = 0;            ///< cells with total 0: they stay zero
};

namespace detail {

template <class O>
NormalizeTotalOptions total_options(const O& o) {
  return {o.target_sum, o.cells, o.exclude_highly_expressed, o.max_fraction};
}

}  // namespace detail

/// Brings X to log1p of counts at one total per cell, whatever it holds: counts are normalised (see
/// normalize_total) and their logarithm taken; log1p stays as it is. uns['log1p'] and
/// uns['vcell'] say so afterwards, with the total.
///
/// @param adata  a whole screen, so that all its cells are normalised alike; X is changed in place
/// @throws ConfigError if the scale of X is not known or X contradicts it (see declared_scale), or
///         as normalize_total does; ShapeError if options.cells has another number of entries than
///         X has rows, also where X is log1p
template <class = void>
NormalizedToLog1p normalize_to_log1p(AnnData& adata, const NormalizeToLog1pOptions& options = {}) {
  detail::count_chosen("normalize_to_log1p", options.cells, adata.cells());
  Matrix& X = detail::matrix_of("declared_scale", adata);
  NormalizedToLog1p out{
      declared_scale(adata, detail::watched_matrix(X, options.progress), options.scale),
      declared_target_sum(adata)};
  if (out.found.scale == Scale::counts) {
    with_value_type<void>(X, [&]<class T>() {
      const auto total = detail::total_factors<T>(detail::watched_matrix(X, options.progress),
                                                  detail::total_options(options));
      out.target_sum = total.target_sum;
      out.empty_cells = total.empty_cells;
      const auto divide_and_log1p = [&](size_t cell, std::span<T> values) {
        const T by = detail::divisor<T>(total.factors[cell]);
        options.library_log1p ? detail::library_log1p_values(values, by)
                              : detail::log1p_values(values, by);
      };
      transform_rows<T>(X, divide_and_log1p, options.progress);
    });
  }
  declare_scale(adata, Scale::log1p, out.target_sum);
  return out;
}

VCELL_INSTANTIATE(data, NormalizedToLog1p normalize_to_log1p<void>(AnnData&,
                                                                   const NormalizeToLog1pOptions&));

VCELL_END_NAMESPACE
