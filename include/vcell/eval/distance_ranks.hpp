#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "vcell/core/parallel_for_watched.hpp"
#include "vcell/eval/distance_estimates.hpp"

VCELL_BEGIN_NAMESPACE

/// Whether a distance that is equal counts as nearer.
enum class EqualDistances {
  by_index,    ///< where its index is lower: cell-eval's
  not_nearer,  ///< never
};

namespace detail {

/// How many of some distances are less than the first.
/// @param index  of each
template <class = void>
size_t count_nearer(std::span<const double> distance, std::span<const int32_t> index,
                    EqualDistances equal) {
  size_t out = 0;
  for (size_t i = 1; i < distance.size(); ++i)
    out += distance[i] < distance[0] ||
           (equal == EqualDistances::by_index && distance[i] == distance[0] && index[i] < index[0]);
  return out;
}

}  // namespace detail

/// Of each predicted row, how many of the N real rows are nearer to it than its own, from 0 to
/// N - 1.
///
/// @tparam Distance    L1Distance, L2Distance or CosineDistance
/// @param predicted    (N, columns)
/// @param real         (N, columns)
/// @param own_columns  (N) the column that is left out of the distances to a predicted row; -1 for
///                     none
/// @param progress     watches, told of rows, and may stop
/// @throws ShapeError if the shapes differ or a column is not there; Stopped
/// N^2 columns terms. Distances are sums of their terms, of 512 columns in T and of those in
/// double; they are only made of rows that estimates (DistanceEstimates) cannot tell from the own
/// one. Memory of 256 N doubles a thread, and of doubles, but by L1, a float copy of both.
template <class Distance, class T>
std::vector<size_t> distance_ranks(View<const T, 2> predicted, View<const T, 2> real,
                                   std::span<const int32_t> own_columns,
                                   EqualDistances equal = EqualDistances::by_index,
                                   const Progress& progress = {}) {
  check_shape_match("distance_ranks", "predicted", predicted.shape, "real", real.shape);
  const size_t n = real.shape[0], columns = real.shape[1];
  check_size_match("distance_ranks", "rows", n, "own_columns", own_columns.size());
  std::vector<size_t> own;
  for (const int32_t column : own_columns) {
    if (column >= 0) check_index("distance_ranks", "own column", size_t(column), columns);
    own.push_back(column < 0 ? columns : size_t(column));
  }
  std::vector<size_t> ranks(n);
  const detail::DistanceEstimates<Distance, T> estimates(predicted, real);
  const auto rank = [&](size_t first, size_t last) {
    const auto terms = estimates.terms(first, last);
    std::vector<int32_t> unsure;
    for (size_t p = first; p < last; ++p) {
      const double* of_row = terms.data() + (p - first) * n;
      const auto to_own = estimates(of_row[p], p, p, own[p]);
      unsure.assign(1, int32_t(p));
      for (size_t t = 0; t < n; ++t) {
        if (t == p) continue;
        const auto other = estimates(of_row[t], p, t, own[p]);
        const double farther = other.value - to_own.value, margin = other.margin + to_own.margin;
        if (farther < -margin)
          ++ranks[p];
        else if (!(farther > margin))
          unsure.push_back(int32_t(t));
      }
      if (unsure.size() > 1)
        ranks[p] += detail::count_nearer(estimates.of_rows(p, unsure, own[p]), unsure, equal);
    }
  };
  parallel_for_watched(n, detail::RowProducts::rows_at_once(n), rank, progress, "discrimination");
  return ranks;
}

/// How well each perturbation's predicted shift is told from those of the others: 1 - rank / N,
/// with its own rank (distance_ranks) among all N real shifts by the distance to the predicted one;
/// equal distances are in the order of their index. 1 is best, about 1/2 is chance. The perturbed
/// gene's own column is left out, so that knowing what was knocked down is not enough.
///
/// @param predicted    (N, genes) predicted shifts against the predicted control
/// @param real         (N, genes) real shifts against the real control, the same perturbations
/// @param own_columns  (N) column of the perturbed gene, -1 where the perturbation is no gene
/// @throws as distance_ranks
template <class Distance, class T>
std::vector<double> discrimination_scores(View<const T, 2> predicted, View<const T, 2> real,
                                          std::span<const int32_t> own_columns,
                                          const Progress& progress = {}) {
  std::vector<double> out;
  for (const size_t rank :
       distance_ranks<Distance>(predicted, real, own_columns, EqualDistances::by_index, progress))
    out.push_back(1 - double(rank) / double(real.shape[0]));
  return out;
}

VCELL_END_NAMESPACE
