#pragma once

#include <algorithm>
#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/data/csr_matrix.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE

/// The mean over sets of cells, each counted once, of their mean cells, (genes); the same bytes for
/// any number of threads.
/// @param X     (cells, genes)
/// @param sets  rows of X, one or more of each set; NaN where there is no set
/// @throws ShapeError if a row is none of X
/// One pass over the cells; memory of 64 genes doubles.
template <class = void>
std::vector<double> mean_of_means(CsrView<float> X, const std::vector<std::vector<size_t>>& sets) {
  constexpr size_t most = 64;  // sets at a time
  std::vector<double> out(X.columns, 0.0);
  Tensor<double, 2> means({std::min(most, sets.size()), X.columns});
  for (size_t begin = 0; begin < sets.size(); begin += most) {
    const size_t n = std::min(most, sets.size() - begin);
    parallel_for(n, 1, [&](size_t first, size_t last) {
      for (size_t s = first; s < last; ++s) {
        double* mean = means[s].data;
        std::fill_n(mean, X.columns, 0.0);
        const auto& cells = sets[begin + s];
        for (const size_t cell : cells) {
          check_index("mean_of_means", "row", cell, X.rows);
          const auto genes = X.row_indices(cell);
          const auto values = X.row_values(cell);
          for (size_t k = 0; k < genes.size(); ++k) mean[genes[k]] += double(values[k]);
        }
        for (size_t g = 0; g < X.columns; ++g) mean[g] /= double(cells.size());
      }
    });
    for (size_t s = 0; s < n; ++s)
      for (size_t g = 0; g < X.columns; ++g) out[g] += means(s, g);
  }
  for (double& gene : out) gene /= double(sets.size());
  return out;
}

VCELL_END_NAMESPACE
