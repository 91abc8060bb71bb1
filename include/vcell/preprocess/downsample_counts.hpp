#pragma once

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/preprocess/declared_scale.hpp"
#include "vcell/preprocess/matrix_of.hpp"
#include "vcell/preprocess/over_cells.hpp"
#include "vcell/preprocess/transformed_rows.hpp"

VCELL_BEGIN_NAMESPACE

/// Exactly one of `fraction` and `counts_per_cell` is given.
struct DownsampleCountsOptions {
  /// Every molecule stays with this probability, apart from all others: 0 .. 1.
  std::optional<double> fraction = {};
  /// So many molecules of each cell stay, every choice of them as likely; all of one that has no
  /// more.
  std::optional<uint64_t> counts_per_cell = {};
  uint64_t seed = 0;
};

namespace detail {

/// A gamma variate of shape a >= 1 (Marsaglia & Tsang 2000, doi:10.1145/358407.358414).
template <class = void>
double gamma_draw(double a, Rng& rng) {
  const double d = a - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = rng.normal(), t = 1 + c * x;
    if (t <= 0) continue;
    const double v = t * t * t, u = 1 - rng.uniform();
    if (std::log(u) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
  }
}

/// How many of n molecules stay, each with probability p. Of few: one draw each; of many the
/// distribution is divided by an order statistic (Relles 1972; Ahrens & Dieter 1974): the middle
/// one of n uniform numbers is drawn from its beta distribution, which leaves half of them open.
template <class = void>
uint64_t binomial_draw(uint64_t n, double p, Rng& rng) {
  uint64_t stay = 0;
  while (n > 32 && p > 0 && p < 1) {
    // Of n uniform numbers the i-th smallest is b: i - 1 are below it, n - i above.
    const uint64_t i = n / 2 + 1;
    const double x = gamma_draw(double(i), rng), y = gamma_draw(double(n - i + 1), rng);
    const double b = x / (x + y);
    if (b <= p) {
      stay += i;
      n -= i;
      p = (p - b) / (1 - b);
    } else {
      n = i - 1;
      p /= b;
    }
  }
  if (p >= 1) return stay + n;
  if (p <= 0) return stay;
  for (; n; --n) stay += rng.uniform() < p;
  return stay;
}

/// Draws the molecules of a cell that stay. Its random numbers are those of seed and cell alone.
struct Downsample {
  DownsampleCountsOptions options;

  template <class T>
  void operator()(size_t cell, std::span<const int32_t>, std::span<T> values) const {
    Rng rng(options.seed, stream_of("downsample_counts") + 0x9e3779b97f4a7c15u * (cell + 1));
    if (options.fraction) {
      for (T& x : values) x = T(binomial_draw(uint64_t(x), *options.fraction, rng));
      return;
    }
    uint64_t left = 0;
    for (const T x : values) left += uint64_t(x);
    uint64_t wanted = *options.counts_per_cell;
    if (left <= wanted) return;
    // Selection sampling (Knuth, The Art of Computer Programming, 3.4.2, algorithm S).
    for (T& x : values) {
      uint64_t stay = 0;
      for (auto n = uint64_t(x); n; --n, --left)
        if (wanted && rng.below(left) < wanted) ++stay, --wanted;
      x = T(stay);
    }
  }
};

template <class = void>
void check_downsample(const DownsampleCountsOptions& options) {
  const int given = options.fraction.has_value() + options.counts_per_cell.has_value();
  if (given != 1)
    throw ConfigError(message("downsample_counts: ", given, " of fraction and counts_per_cell ",
                              "are given, expected exactly one"));
  if (options.fraction && !(*options.fraction >= 0 && *options.fraction <= 1))
    throw ConfigError(
        message("downsample_counts: fraction is ", *options.fraction, ", expected 0 .. 1"));
}

template <class S>
void check_whole(const S& X, const AnnData* names) {
  if (const auto found = find_value(X, is_no_count))
    throw ConfigError(message("downsample_counts: ", text_of(*found, names),
                              ", expected whole numbers from 0: the counts of molecules"));
}

}  // namespace detail

/// A source of counts (see RowSource), read as what downsample_counts makes of it, to the same
/// bits; what is stored stays as it is. Values that become 0 are stored as 0.
template <class S>
class DownsampledRows : public TransformedRows<S, detail::Downsample> {
 public:
  /// @param type  that is computed in and read: float32 or float64 (see with_value_type)
  /// @throws ConfigError as downsample_counts; values that are no counts are not looked for
  DownsampledRows(S counts, const DownsampleCountsOptions& options, DType type)
      : TransformedRows<S, detail::Downsample>(std::move(counts), {options}, type) {
    detail::check_downsample(options);
  }
};

/// Draws molecules of every cell, as if it had been sequenced less deeply: each with a probability
/// (a binomial draw for every value), or so many of every cell (a hypergeometric one, as
/// `scanpy.pp.downsample_counts` without replacement). The random numbers are those of the seed and
/// a cell's row, so the bytes depend on neither threads nor blocks.
///
/// @param X  (cells, genes) counts; changed in place, a value that becomes 0 is stored as 0
/// @throws ConfigError if not exactly one of fraction and counts_per_cell is given, fraction is not
///         in 0 .. 1, or a value is no whole number from 0
template <class = void>
void downsample_counts(Matrix& X, const DownsampleCountsOptions& options,
                       const AnnData* names = nullptr) {
  detail::check_downsample(options);
  detail::check_whole(X, names);
  with_value_type<void>(X, [&]<class T>() {
    const detail::Downsample draw{options};
    transform_rows<T>(X, [&](size_t row, std::span<T> values) { draw(row, {}, values); });
  });
}

/// The same for X of adata.
/// @throws ConfigError also if there is no X, or uns['log1p'] says that it is log1p
template <class = void>
void downsample_counts(AnnData& adata, const DownsampleCountsOptions& options) {
  Matrix& X = detail::matrix_of("downsample_counts", adata);
  detail::check_not_log1p("downsample_counts", adata);
  downsample_counts(X, options, &adata);
}

/// What downsample_counts makes of X that is apart from adata, to the same bits.
/// @throws ConfigError as downsample_counts of an AnnData
template <class S>
requires RowSource<S, float> DownsampledRows<S> downsampled_rows(
    const AnnData& adata, S X, const DownsampleCountsOptions& options) {
  detail::check_downsample(options);
  detail::check_not_log1p("downsample_counts", adata);
  detail::check_whole(X, &adata);
  const DType type = value_type(X);
  return {std::move(X), options, type};
}

VCELL_END_NAMESPACE
