#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/parallel_for_watched.hpp"
#include "vcell/eval/distance_tile.hpp"
#include "vcell/eval/row_products.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE

/// The nearest other points of every point, nearest first.
struct NearestNeighbours {
  Tensor<int32_t, 2> index;    ///< (n, neighbours)
  Tensor<double, 2> distance;  ///< (n, neighbours), Euclidean, ascending
};

namespace detail {

/// Points in float, moved by their mean: so products of them lose no digits to what all have in
/// common.
template <class = void>
Tensor<float, 2> centred(View<const double, 2> points) {
  const size_t n = points.shape[0], dimensions = points.shape[1];
  std::vector<double> mean(dimensions, 0.0);
  for (size_t i = 0; i < n; ++i)
    for (size_t d = 0; d < dimensions; ++d) mean[d] += points(i, d) / double(n);
  auto out = Tensor<float, 2>::uninitialized({n, dimensions});
  for (size_t i = 0; i < n; ++i)
    for (size_t d = 0; d < dimensions; ++d) out(i, d) = float(points(i, d) - mean[d]);
  return out;
}

}  // namespace detail

/// The k nearest points of each of n, by Euclidean distance and exactly; of points at one distance
/// the first. A point is none of its own.
///
/// @param points    (n, dimensions)
/// @param k         below n
/// @param progress  watches, told of points, and may stop
/// @throws ShapeError if k is not below n; ConfigError if a value is not finite; Stopped
/// n^2 dimensions products of two floats, and distances in double of those that may be among the
/// nearest. Memory of the points in float, and of 256 n doubles a thread, beside the result.
template <class = void>
NearestNeighbours nearest_neighbours(View<const double, 2> points, size_t k,
                                     const Progress& progress = {}) {
  const size_t n = points.shape[0];
  check_index("nearest_neighbours", "k", k, n);
  for (const double x : points)
    if (!std::isfinite(x)) [[unlikely]]
      detail::fail<ConfigError>("nearest_neighbours: a point holds ", x, ", expected numbers");
  NearestNeighbours out{Tensor<int32_t, 2>({n, k}), Tensor<double, 2>({n, k})};
  if (k == 0) return out;
  const auto moved = detail::centred(points);
  const auto squares = detail::squares_of(std::as_const(moved).view());
  const double share = detail::RowProducts::error();
  constexpr double beyond = std::numeric_limits<double>::infinity();
  // Of products that are too small for a float.
  const double small = double(points.shape[1]) * 1e-37;
  const auto search = [&](size_t first, size_t last) {
    const auto products = detail::RowProducts::of(std::as_const(moved).view(),
                                                  std::as_const(moved).view(), first, last);
    std::vector<double> low(n), high(n);
    std::vector<int32_t> others, order;
    for (size_t i = first; i < last; ++i) {
      for (size_t j = 0; j < n; ++j) {
        const double both = squares[i] + squares[j],
                     square = both - 2 * products[(i - first) * n + j],
                     margin = share * (both + std::abs(square)) + small * (1 + both);
        // Where float holds no such point nothing is known.
        low[j] = margin < beyond ? square - margin : -beyond;
        high[j] = margin < beyond ? square + margin : beyond;
      }
      // All that may be nearer than the k-th: the distance to none of the others is less.
      low[i] = high[i] = beyond;
      auto farthest = high;
      std::nth_element(farthest.begin(), farthest.begin() + std::ptrdiff_t(k - 1), farthest.end());
      others.clear();
      for (size_t j = 0; j < n; ++j)
        if (j != i && !(low[j] > farthest[k - 1])) others.push_back(int32_t(j));
      // From differences: equal points are at 0, and a pair has one distance in both directions.
      const auto square =
          detail::distance_sums<L2Distance>(points[i], points, points.shape[1], others);
      order.resize(others.size());
      std::iota(order.begin(), order.end(), 0);
      std::partial_sort(order.begin(), order.begin() + std::ptrdiff_t(k), order.end(),
                        [&](int32_t a, int32_t b) {
                          const double x = square[size_t(a)], y = square[size_t(b)];
                          return x != y ? x < y : a < b;
                        });
      for (size_t j = 0; j < k; ++j) {
        out.index(i, j) = others[size_t(order[j])];
        out.distance(i, j) = std::sqrt(square[size_t(order[j])]);
      }
    }
  };
  parallel_for_watched(n, detail::RowProducts::rows_at_once(n), search, progress, "neighbours");
  return out;
}

VCELL_END_NAMESPACE
