#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/data/csr_matrix.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE

/// Calls f(set, mean) with the mean of the cells of each set (pseudobulk), (genes) doubles that are
/// gone when f returns; NaN where a set has no cell. Several threads call it, each for other sets.
/// @param X     (cells, genes)
/// @param sets  rows of X each
/// @throws ShapeError if a row is none of X
template <class F>
void for_each_mean_cell(CsrView<float> X, const std::vector<std::vector<size_t>>& sets, F&& f) {
  parallel_for(sets.size(), 1, [&](size_t first, size_t last) {
    std::vector<double> mean(X.columns);
    for (size_t s = first; s < last; ++s) {
      std::fill(mean.begin(), mean.end(), 0.0);
      for (const size_t cell : sets[s]) {
        check_index("mean_cells", "row", cell, X.rows);
        const auto genes = X.row_indices(cell);
        const auto values = X.row_values(cell);
        for (size_t k = 0; k < genes.size(); ++k) mean[size_t(genes[k])] += double(values[k]);
      }
      for (double& gene : mean) gene /= double(sets[s].size());
      f(s, std::span<const double>(mean));
    }
  });
}

/// The mean of some cells, set by set.
/// @return  (sets, genes)
/// @throws  as for_each_mean_cell
template <class = void>
Tensor<double, 2> mean_cells(CsrView<float> X, const std::vector<std::vector<size_t>>& sets) {
  Tensor<double, 2> out({sets.size(), X.columns});
  for_each_mean_cell(X, sets, [&](size_t s, std::span<const double> mean) {
    std::copy(mean.begin(), mean.end(), out[s].data);
  });
  return out;
}

VCELL_END_NAMESPACE
