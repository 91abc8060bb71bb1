#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/data/csr_matrix.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE

/// The mean of some cells, set by set.
/// @param X     (cells, genes)
/// @param sets  rows of X each, at least one
/// @return      (sets, genes)
template <class = void>
Tensor<double, 2> mean_cells(CsrView<float> X, std::span<const std::vector<size_t>> sets) {
  Tensor<double, 2> out({sets.size(), X.columns});
  parallel_for(sets.size(), 1, [&](size_t first, size_t last) {
    for (size_t s = first; s < last; ++s) {
      double* mean = out.data() + s * X.columns;
      for (const size_t cell : sets[s]) {
        const auto genes = X.row_indices(cell);
        const auto values = X.row_values(cell);
        for (size_t k = 0; k < genes.size(); ++k) mean[genes[k]] += values[k];
      }
      for (size_t gene = 0; gene < X.columns; ++gene) mean[gene] /= double(sets[s].size());
    }
  });
  return out;
}

/// The mean cell of every group.
struct Pseudobulk {
  std::vector<std::string> names;  ///< groups with at least one cell, sorted
  std::vector<size_t> cells;       ///< beside names
  Tensor<double, 2> mean;          ///< (names, genes)
};

/// Averages the cells of every group; cells without a group take no part.
/// @param X       (cells, genes)
/// @param groups  the group of each cell
/// @throws ShapeError if sizes do not fit
template <class = void>
Pseudobulk pseudobulk(CsrView<float> X, const Factor& groups) {
  check_size_match("pseudobulk", "rows of X", X.rows, "labels", groups.size());
  std::vector<std::vector<size_t>> members(groups.names.size());
  for (size_t cell = 0; cell < X.rows; ++cell)
    if (groups.codes[cell] >= 0) members[size_t(groups.codes[cell])].push_back(cell);

  Pseudobulk out;
  std::vector<std::vector<size_t>> filled;
  for (size_t g = 0; g < members.size(); ++g) {
    if (members[g].empty()) continue;
    out.names.push_back(groups.names[g]);
    out.cells.push_back(members[g].size());
    filled.push_back(std::move(members[g]));
  }
  out.mean = mean_cells(X, filled);
  return out;
}

VCELL_END_NAMESPACE
