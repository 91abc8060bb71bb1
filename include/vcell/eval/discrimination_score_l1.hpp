#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/tensor/tensor.hpp"

namespace vcell::inline VCELL_ABI {
namespace detail {

/// L1 distances of a to each of four rows over elements first .. last - 1, added to lanes, which
/// are independent sums so that the compiler can use vector registers without reordering any.
struct L1Lanes {
  static constexpr size_t width = 4;
  std::array<std::array<double, width>, 4> lanes{};

  void add(const double* a, const std::array<const double*, 4>& rows, size_t first, size_t last) {
    size_t i = first;
    for (; i + width <= last; i += width)
      for (size_t r = 0; r < 4; ++r)
        for (size_t l = 0; l < width; ++l) lanes[r][l] += std::abs(a[i + l] - rows[r][i + l]);
    for (; i < last; ++i)
      for (size_t r = 0; r < 4; ++r) lanes[r][0] += std::abs(a[i] - rows[r][i]);
  }
  double sum(size_t r) const {
    double s = 0;
    for (double lane : lanes[r]) s += lane;
    return s;
  }
};

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
/// @throws ShapeError if the shapes differ
inline std::vector<double> discrimination_score_l1(View<const double, 2> predicted,
                                                   View<const double, 2> real,
                                                   std::span<const int32_t> own_columns) {
  check_shape_match("discrimination_score_l1", "predicted", predicted.shape, "real", real.shape);
  const size_t n = real.shape[0], genes = real.shape[1];
  check_size_match("discrimination_score_l1", "perturbations", n, "own_columns",
                   own_columns.size());
  std::vector<double> scores(n);
  constexpr size_t block = 16;  // predicted rows that pass over the same four real ones in cache
  parallel_for(n, block, [&](size_t first, size_t last) {
    std::vector<double> distances((last - first) * n);
    for (size_t t = 0; t < n; t += 4) {
      std::array<const double*, 4> rows;
      for (size_t r = 0; r < 4; ++r) rows[r] = real[std::min(t + r, n - 1)].data;
      for (size_t p = first; p < last; ++p) {
        const size_t own = own_columns[p] < 0 ? genes : size_t(own_columns[p]);
        detail::L1Lanes lanes;
        lanes.add(predicted[p].data, rows, 0, own);
        lanes.add(predicted[p].data, rows, std::min(own + 1, genes), genes);
        for (size_t r = 0; r < 4 && t + r < n; ++r)
          distances[(p - first) * n + t + r] = lanes.sum(r);
      }
    }
    for (size_t p = first; p < last; ++p) {
      const double* distance = distances.data() + (p - first) * n;
      size_t rank = 0;
      for (size_t t = 0; t < n; ++t)
        rank += distance[t] < distance[p] || (distance[t] == distance[p] && t < p);
      scores[p] = 1 - double(rank) / double(n);
    }
  });
  return scores;
}

}  // namespace vcell::inline VCELL_ABI
