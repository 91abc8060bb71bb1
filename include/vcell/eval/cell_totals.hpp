#pragma once

#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/data/csr_matrix.hpp"

VCELL_BEGIN_NAMESPACE

/// The sum of every cell's values, in double.
/// @param X  (cells, genes)
/// @return   (cells)
template <class = void>
std::vector<double> cell_totals(CsrView<float> X) {
  std::vector<double> out(X.rows, 0.0);
  parallel_for(X.rows, 1024, [&](size_t first, size_t last) {
    for (size_t row = first; row < last; ++row)
      for (const float x : X.row_values(row)) out[row] += x;
  });
  return out;
}

VCELL_END_NAMESPACE
