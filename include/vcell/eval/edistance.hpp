#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include "vcell/eval/mean_distances.hpp"

VCELL_BEGIN_NAMESPACE

/// The energy distance of two sets from its terms, which mean_distances and mean_distances_within
/// have: 2 E|x - y| - E|x - x'| - E|y - y'|.
inline double edistance(double between, double within_x, double within_y) {
  return 2 * between - within_x - within_y;
}

/// The energy distance (E-distance) of two sets of cells, with the Euclidean distance over all
/// genes and the within-terms over pairs of different cells:
///
///   2 / (n m) sum_ij |x_i - y_j| - 1 / (n (n - 1)) sum_{i != j} |x_i - x_j|
///                                - 1 / (m (m - 1)) sum_{i != j} |y_i - y_j|
///
/// Lower is better. Two samples of one distribution have 0 in the mean, whatever their sizes, so a
/// value may be negative; a set of n cells against itself has -2 / n times its within-term. A side
/// of one cell has within-term 0. Szekely & Rizzo (2013), J. Stat. Plan. Inference 143, 1249-1272.
/// What else is called E-distance may be of squared distances or of principal components.
///
/// @param x, y  (n, genes) and (m, genes), log1p values
/// @return      NaN if a side has no cell; its error is about 1e-6 of the distances, the same bytes
///              for any number of threads
/// @throws ShapeError if the numbers of genes differ
/// (n m + n^2 / 2 + m^2 / 2) genes products of two floats; memory is bounded, see mean_distances.
template <class = void>
double edistance(CsrView<float> x, CsrView<float> y) {
  check_size_match("edistance", "genes of x", x.columns, "genes of y", y.columns);
  std::vector<size_t> rows(std::max(x.rows, y.rows));
  std::iota(rows.begin(), rows.end(), size_t(0));
  const std::vector<CellSet> sets = {{x, std::span(rows).first(x.rows)},
                                     {y, std::span(rows).first(y.rows)}};
  const auto between = mean_distances({sets[0]}, {sets[1]});
  const auto within = mean_distances_within(sets);
  return edistance(between[0], within[0], within[1]);
}

VCELL_END_NAMESPACE
