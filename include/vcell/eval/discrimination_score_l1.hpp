#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "vcell/core/parallel_for_watched.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// L1 distances of four rows a to four rows b. Sixteen at a time, so that a value that was loaded
/// serves four times and the processor has many sums under way.
struct L1Tile {
  static constexpr size_t rows = 4;
  using Rows = std::array<const double*, rows>;
  std::array<std::array<double, rows>, rows> sums{};  // [row of a][row of b]

  /// Adds columns first .. last - 1, `width` of them at a time.
  template <size_t width = 8>
  void add(const Rows& a, const Rows& b, size_t first, size_t last) {
    using Lanes = Eigen::Array<double, int(width), 1>;
    std::array<std::array<Lanes, rows>, rows> lanes;
    for (auto& row : lanes) row.fill(Lanes::Zero());
    for (; first + width <= last; first += width)
      for (size_t i = 0; i < rows; ++i)
        for (size_t k = 0; k < rows; ++k)
          lanes[i][k] +=
              (Eigen::Map<const Lanes>(a[i] + first) - Eigen::Map<const Lanes>(b[k] + first)).abs();
    for (size_t i = 0; i < rows; ++i)
      for (size_t k = 0; k < rows; ++k) {
        for (const double lane : lanes[i][k]) sums[i][k] += lane;
        for (size_t g = first; g < last; ++g) sums[i][k] += std::abs(a[i][g] - b[k][g]);
      }
  }

  /// The same without the column own[i] in the distances of row i of a. It is left out of the sum
  /// and not subtracted from it, so that distances that are equal without it come out equal.
  template <class = void>
  void add_without(const std::array<size_t, rows>& own, const Rows& a, const Rows& b, size_t first,
                   size_t last) {
    auto stops = own;
    std::sort(stops.begin(), stops.end());
    for (const size_t stop : stops) {
      if (stop < first || stop >= last) continue;
      add(a, b, first, stop);
      for (size_t i = 0; i < rows; ++i)
        for (size_t k = 0; k < rows && own[i] != stop; ++k)
          sums[i][k] += std::abs(a[i][stop] - b[k][stop]);
      first = stop + 1;
    }
    add(a, b, first, last);
  }
};

/// Distances of predicted rows first .. last - 1 to all n real rows, (last - first, n).
/// @param own  (all predicted rows) the column that is left out; one past the end for none
template <class = void>
std::vector<double> l1_distances(View<const double, 2> predicted, View<const double, 2> real,
                                 std::span<const size_t> own, size_t first, size_t last) {
  constexpr size_t rows = L1Tile::rows,
                   block = 512;  // columns of which a tile's rows stay in cache
  const size_t n = real.shape[0], genes = real.shape[1];
  std::vector<double> distances((last - first) * n, 0.0);
  for (size_t g = 0; g < genes; g += block)
    for (size_t t = 0; t < n; t += rows)
      for (size_t p = first; p < last; p += rows) {
        // At the edge the last row fills the tile up; what it adds there is not used.
        L1Tile tile;
        L1Tile::Rows a, b;
        std::array<size_t, rows> without;
        for (size_t i = 0; i < rows; ++i) {
          a[i] = predicted[std::min(p + i, last - 1)].data;
          b[i] = real[std::min(t + i, n - 1)].data;
          without[i] = own[std::min(p + i, last - 1)];
        }
        tile.add_without(without, a, b, g, std::min(g + block, genes));
        for (size_t i = 0; i < std::min(rows, last - p); ++i)
          for (size_t k = 0; k < std::min(rows, n - t); ++k)
            distances[(p + i - first) * n + t + k] += tile.sums[i][k];
      }
  return distances;
}

}  // namespace detail

/// How well each perturbation's predicted shift is told from those of the others: 1 - rank / N,
/// where rank (from 0) is the place of its own real shift among all N real shifts, in ascending
/// order of the L1 distance to the predicted one; equal distances are in the order of their index.
/// 1 is best, about 1/2 is chance. The perturbed gene's own column is left out, so that knowing
/// what was knocked down is not enough.
///
/// @param predicted    (N, genes) predicted shifts against the predicted control
/// @param real         (N, genes) real shifts against the real control, the same perturbations
/// @param own_columns  (N) column of the perturbed gene, -1 where the perturbation is no gene
/// @param progress     watches, told of perturbations, and may stop
/// @throws ShapeError if the shapes differ or a column is none of the genes; Stopped
template <class = void>
std::vector<double> discrimination_score_l1(View<const double, 2> predicted,
                                            View<const double, 2> real,
                                            std::span<const int32_t> own_columns,
                                            const Progress& progress = {}) {
  check_shape_match("discrimination_score_l1", "predicted", predicted.shape, "real", real.shape);
  const size_t n = real.shape[0], genes = real.shape[1];
  check_size_match("discrimination_score_l1", "perturbations", n, "own_columns",
                   own_columns.size());
  std::vector<size_t> own;
  for (const int32_t column : own_columns) {
    if (column >= 0) check_index("discrimination_score_l1", "own column", size_t(column), genes);
    own.push_back(column < 0 ? genes : size_t(column));
  }
  std::vector<double> scores(n);
  constexpr size_t block = 16;  // predicted rows that pass over the same four real ones in cache
  const auto score = [&](size_t first, size_t last) {
    const auto distances = detail::l1_distances(predicted, real, own, first, last);
    for (size_t p = first; p < last; ++p) {
      const double* distance = distances.data() + (p - first) * n;
      size_t rank = 0;
      for (size_t t = 0; t < n; ++t)
        rank += distance[t] < distance[p] || (distance[t] == distance[p] && t < p);
      scores[p] = 1 - double(rank) / double(n);
    }
  };
  parallel_for_watched(n, block, score, progress, "discrimination");
  return scores;
}

VCELL_END_NAMESPACE
