#pragma once

#include <span>

#include "vcell/data/csr_matrix.hpp"

VCELL_BEGIN_NAMESPACE

/// Some of the cells of a matrix, borrowed; a cell may be named more than once.
struct CellSet {
  CsrView<float> X;              ///< (cells, genes)
  std::span<const size_t> rows;  ///< those of the set, each below cells

  size_t size() const { return rows.size(); }
};

/// |x_i - y_j|^2 by its definition, in double. Not checked.
/// @param x, y  of the same genes
/// Takes time in proportion to the values that the two cells store.
template <class = void>
double squared_distance(const CellSet& x, size_t i, const CellSet& y, size_t j) {
  const auto a = x.X.row_indices(x.rows[i]), b = y.X.row_indices(y.rows[j]);
  const auto u = x.X.row_values(x.rows[i]), v = y.X.row_values(y.rows[j]);
  double sum = 0;
  for (size_t k = 0, l = 0; k < a.size() || l < b.size();) {
    const bool has_u = l == b.size() || (k < a.size() && a[k] <= b[l]);
    const bool has_v = k == a.size() || (l < b.size() && b[l] <= a[k]);
    const double difference = (has_u ? double(u[k]) : 0) - (has_v ? double(v[l]) : 0);
    sum += difference * difference;
    k += has_u;
    l += has_v;
  }
  return sum;
}

VCELL_END_NAMESPACE
