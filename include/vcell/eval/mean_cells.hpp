#pragma once

#include <span>
#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/data/csr_matrix.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE

/// The mean of some cells, set by set (pseudobulk).
/// @param X     (cells, genes)
/// @param sets  rows of X each
/// @return      (sets, genes); NaN where a set has no cell
/// @throws ShapeError if a row is none of X
template <class = void>
Tensor<double, 2> mean_cells(CsrView<float> X, std::span<const std::vector<size_t>> sets) {
  Tensor<double, 2> out({sets.size(), X.columns});
  parallel_for(sets.size(), 1, [&](size_t first, size_t last) {
    for (size_t s = first; s < last; ++s) {
      double* mean = out.data() + s * X.columns;
      for (const size_t cell : sets[s]) {
        check_index("mean_cells", "row", cell, X.rows);
        const auto genes = X.row_indices(cell);
        const auto values = X.row_values(cell);
        for (size_t k = 0; k < genes.size(); ++k) mean[genes[k]] += values[k];
      }
      for (size_t gene = 0; gene < X.columns; ++gene) mean[gene] /= double(sets[s].size());
    }
  });
  return out;
}

VCELL_END_NAMESPACE
