#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "vcell/core/check.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/core/progress.hpp"
#include "vcell/data/row_source.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Whether a cell takes part: those of `cells` that are not 0, and all of them where it is empty.
inline bool is_chosen(std::span<const uint8_t> cells, size_t cell) {
  return cells.empty() || cells[cell];
}

/// How many of n cells take part.
/// @throws ShapeError if `cells` is not empty and has another number of entries
template <class = void>
size_t count_chosen(const char* function, std::span<const uint8_t> cells, size_t n) {
  if (cells.empty()) return n;
  check_size_match(function, "entries of cells", cells.size(), "cells of X", n);
  return n - size_t(std::count(cells.begin(), cells.end(), uint8_t(0)));
}

}  // namespace detail

/// One number per cell: f of the values that its row stores, in the order of the genes.
/// @param X  (cells, genes), read in row blocks
/// @param f  std::span<const T> -> double
/// @return   (cells)
template <class T, class S, class F>
requires RowSource<S, T> std::vector<double> map_cells(const S& X, F&& f) {
  std::vector<double> out(X.rows());
  for_each_row_block<T>(X, [&](size_t first_cell, const CsrView<T>& block) {
    parallel_for(block.rows, 64, [&](size_t first, size_t last) {
      for (size_t i = first; i < last; ++i) out[first_cell + i] = f(block.row_values(i));
    });
  });
  return out;
}

/// Calls f(row, std::span<T>) for the values of every row as T, to change them in place: of a
/// sparse matrix those that are stored. The matrix is one of T afterwards. Rows are independent, so
/// the result does not depend on the number of threads.
/// @param progress  told of the rows that are done, block by block, as of one of several passes;
///                  may stop, and leaves the matrix as it then is
template <class T, class F>
void transform_rows(Matrix& m, F&& f, const Progress& progress = {}) {
  m.values().template become<T>();
  const auto values = m.values().template values<T>();
  for (size_t start = 0, end; start < m.rows(); start = end) {
    report(progress, {"normalize", start, 0, {}});
    end = block_end(m, start, BlockLimits().bytes);
    parallel_for(end - start, 64, [&](size_t first, size_t last) {
      for (size_t i = start + first; i < start + last; ++i) {
        const auto [begin, size] = m.row_range(i);
        f(i, values.subspan(begin, size));
      }
    });
  }
}

/// For every gene the sum of f(x) over its stored values x, in double:
///
///   out[g][i] = sum_c f(X[c, g])[i]
///
/// Pieces of 512 cells are summed apart and then added in their order, so the result does not
/// depend on the number of threads, nor on the blocks that X is read in. Zeros of a dense matrix
/// are left out: f(0) must be 0.
///
/// @param X      (cells, genes), read in row blocks
/// @param f      T -> std::array<double, width>
/// @param cells  not 0 where a cell takes part; empty: all do. The sums are those of these rows
///               alone: pieces count the cells that take part
/// @return       (genes)
/// @throws ShapeError if cells has another number of entries than X has rows
template <class T, size_t width, class S, class F>
requires RowSource<S, T> std::vector<std::array<double, width>> sum_over_cells(
    const S& X, F&& f, std::span<const uint8_t> cells = {}) {
  constexpr size_t piece = 512, pieces_at_once = BlockLimits().rows / piece;
  using Sums = std::vector<std::array<double, width>>;
  detail::count_chosen("sum_over_cells", cells, X.rows());
  Sums out(X.columns(), std::array<double, width>{});
  // One more than a block has: its first cells may end a piece that the block before began.
  std::array<Sums, pieces_at_once + 1> partial;
  const auto add = [&](size_t pieces) {
    parallel_for(out.size(), 4096, [&](size_t first, size_t last) {
      for (size_t p = 0; p < pieces; ++p)
        for (size_t gene = first; gene < last; ++gene)
          for (size_t i = 0; i < width; ++i) out[gene][i] += partial[p][gene][i];
    });
  };
  std::vector<size_t> rows;  // of the block that take part
  size_t begun = 0;          // cells that partial[0] holds of blocks before
  for_each_row_block<T>(X, [&](size_t first_cell, const CsrView<T>& block) {
    rows.clear();
    for (size_t row = 0; row < block.rows; ++row)
      if (detail::is_chosen(cells, first_cell + row)) rows.push_back(row);
    const size_t end = begun + rows.size();
    parallel_for(end, piece, [&](size_t first, size_t last) {
      Sums& sums = partial[first / piece];
      if (first >= begun) sums.assign(out.size(), std::array<double, width>{});
      for (size_t place = std::max(first, begun); place < last; ++place) {
        const size_t row = rows[place - begun];
        const auto genes = block.row_indices(row);
        const auto values = block.row_values(row);
        for (size_t k = 0; k < genes.size(); ++k) {
          const std::array<double, width> terms = f(values[k]);
          for (size_t i = 0; i < width; ++i) sums[size_t(genes[k])][i] += terms[i];
        }
      }
    });
    add(end / piece);
    begun = end % piece;
    if (begun) std::swap(partial[0], partial[end / piece]);
  });
  add(begun > 0);
  return out;
}

VCELL_END_NAMESPACE
