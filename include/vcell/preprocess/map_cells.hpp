#pragma once

#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/data/row_blocks.hpp"

VCELL_BEGIN_NAMESPACE

/// One number per cell: f of the values that its row stores, in the order of the genes.
/// @param X  (cells, genes), read in row blocks
/// @param f  std::span<const T> -> double
/// @return   (cells)
template <class T, class M, class F>
requires RowBlocks<M, T> std::vector<double> map_cells(const M& X, F&& f) {
  std::vector<double> out(X.rows());
  for_each_row_block<T>(X, 8192, [&](size_t first_cell, const CsrView<T>& block) {
    parallel_for(block.rows, 64, [&](size_t first, size_t last) {
      for (size_t i = first; i < last; ++i) out[first_cell + i] = f(block.row_values(i));
    });
  });
  return out;
}

VCELL_END_NAMESPACE
