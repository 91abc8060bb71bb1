#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "vcell/core/parallel_for_watched.hpp"
#include "vcell/eval/distance_ranks.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE

/// The nearest other points of every point, nearest first.
struct NearestNeighbours {
  Tensor<int32_t, 2> index;    ///< (n, neighbours)
  Tensor<double, 2> distance;  ///< (n, neighbours), Euclidean, ascending
};

/// The k nearest points of each of n, by Euclidean distance and exactly; of points at one distance
/// the first. A point is none of its own.
///
/// @param points    (n, dimensions)
/// @param k         below n
/// @param progress  watches, told of points, and may stop
/// @throws ShapeError if k is not below n; ConfigError if a value is not finite; Stopped
/// 3 n^2 dimensions operations; memory of 64 n numbers a thread beside the result.
template <class = void>
NearestNeighbours nearest_neighbours(View<const double, 2> points, size_t k,
                                     const Progress& progress = {}) {
  const size_t n = points.shape[0];
  check_index("nearest_neighbours", "k", k, n);
  for (const double x : points)
    if (!std::isfinite(x)) [[unlikely]]
      detail::fail<ConfigError>("nearest_neighbours: a point holds ", x, ", expected numbers");
  NearestNeighbours out{Tensor<int32_t, 2>({n, k}), Tensor<double, 2>({n, k})};
  constexpr size_t rows = 64;                         // that pass over the others together
  const std::vector<size_t> all(n, points.shape[1]);  // no column is left out
  const auto search = [&](size_t first, size_t last) {
    // From differences: equal points are at 0, and a pair has one distance in both directions.
    const auto squares = detail::distance_sums<L2Distance>(points, points, all, first, last);
    std::vector<int32_t> others(n);
    for (size_t i = first; i < last; ++i) {
      const double* square = squares.data() + (i - first) * n;
      std::iota(others.begin(), others.end(), 0);
      others.erase(others.begin() + std::ptrdiff_t(i));
      std::partial_sort(others.begin(), others.begin() + std::ptrdiff_t(k), others.end(),
                        [=](int32_t a, int32_t b) {
                          return square[a] != square[b] ? square[a] < square[b] : a < b;
                        });
      for (size_t j = 0; j < k; ++j) {
        out.index(i, j) = others[j];
        out.distance(i, j) = std::sqrt(square[others[j]]);
      }
      others.resize(n);
    }
  };
  parallel_for_watched(n, rows, search, progress, "neighbours");
  return out;
}

VCELL_END_NAMESPACE
