#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/data/row_blocks.hpp"

VCELL_BEGIN_NAMESPACE

/// For every gene the sum of f(x) over its stored values x, in double:
///
///   out[g][i] = sum_c f(X[c, g])[i]
///
/// Pieces of 512 cells are summed apart and then added in their order, so the result does not
/// depend on the number of threads. Zeros of a dense matrix are left out: f(0) must be 0.
///
/// @param X  (cells, genes), read in row blocks
/// @param f  T -> std::array<double, width>
/// @return   (genes)
template <class T, size_t width, class M, class F>
requires RowBlocks<M, T> std::vector<std::array<double, width>> sum_over_cells(const M& X, F&& f) {
  constexpr size_t piece = 512, pieces_at_once = 16;
  using Sums = std::vector<std::array<double, width>>;
  Sums out(X.columns(), std::array<double, width>{});
  std::array<Sums, pieces_at_once> partial;
  for_each_row_block<T>(X, piece * pieces_at_once, [&](size_t, const CsrView<T>& block) {
    const size_t pieces = (block.rows + piece - 1) / piece;
    parallel_for(block.rows, piece, [&](size_t first, size_t last) {
      Sums& sums = partial[first / piece];
      sums.assign(out.size(), std::array<double, width>{});
      for (size_t cell = first; cell < last; ++cell) {
        const auto genes = block.row_indices(cell);
        const auto values = block.row_values(cell);
        for (size_t k = 0; k < genes.size(); ++k) {
          const std::array<double, width> terms = f(values[k]);
          for (size_t i = 0; i < width; ++i) sums[size_t(genes[k])][i] += terms[i];
        }
      }
    });
    parallel_for(out.size(), 4096, [&](size_t first, size_t last) {
      for (size_t p = 0; p < pieces; ++p)
        for (size_t gene = first; gene < last; ++gene)
          for (size_t i = 0; i < width; ++i) out[gene][i] += partial[p][gene][i];
    });
  });
  return out;
}

VCELL_END_NAMESPACE
