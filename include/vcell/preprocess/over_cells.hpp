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
#include "vcell/preprocess/per_cell.hpp"
#include "vcell/preprocess/per_gene.hpp"

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

/// The cells that take part in group 0, and the others in none; empty for all.
template <class = void>
std::vector<int32_t> groups_of_choice(std::span<const uint8_t> cells) {
  std::vector<int32_t> out(cells.size());
  for (size_t cell = 0; cell < cells.size(); ++cell) out[cell] = cells[cell] ? 0 : -1;
  return out;
}

}  // namespace detail

/// Reads a source once, in row blocks, and hands every block to each of the accumulators, in this
/// order: PerCell, PerGene, or anything that has add(first_cell, CsrView<T>). One that follows may
/// use what one before has found of the block's cells.
template <class T, class S, class... Accumulators>
requires RowSource<S, T>
void accumulate(const S& X, Accumulators&... accumulators) {
  for_each_row_block<T>(X, [&](size_t first_cell, const CsrView<T>& block) {
    (accumulators.add(first_cell, block), ...);
  });
}

/// One number per cell: f of the values that its row stores, in the order of the genes.
/// @param X  (cells, genes), read in row blocks
/// @param f  std::span<const T> -> double
/// @return   (cells)
template <class T, class S, class F>
requires RowSource<S, T> std::vector<double> map_cells(const S& X, F&& f) {
  auto numbers = per_cell<double>(X.rows(), [&](std::span<const T> values) { return f(values); });
  accumulate<T>(X, numbers);
  return std::move(numbers).of_cells();
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

/// For every gene the sum of f(x) over its stored values x, in double and in the order of the
/// cells:
///
///   out[g][i] = sum_c f(X[c, g])[i]
///
/// The result depends neither on the number of threads, nor on the blocks that X is read in. Zeros
/// of a dense matrix are left out: f(0) must be 0.
///
/// @param X      (cells, genes), read in row blocks
/// @param f      T -> std::array<double, width>
/// @param cells  not 0 where a cell takes part; empty: all do. The sums are those of these rows
///               alone
/// @return       (genes)
/// @throws ShapeError if cells has another number of entries than X has rows
template <class T, size_t width, class S, class F>
requires RowSource<S, T> std::vector<std::array<double, width>> sum_over_cells(
    const S& X, F&& f, std::span<const uint8_t> cells = {}) {
  detail::count_chosen("sum_over_cells", cells, X.rows());
  using Sums = std::array<double, width>;
  const auto groups = detail::groups_of_choice(cells);
  auto sums = per_gene<Sums>(X.columns(), each_value([&](Sums& sum, T x) {
                               const Sums terms = f(x);
                               for (size_t i = 0; i < width; ++i) sum[i] += terms[i];
                             }),
                             {groups});
  accumulate<T>(X, sums);
  const auto of_genes = sums.of_group(0);
  return {of_genes.begin(), of_genes.end()};
}

VCELL_END_NAMESPACE
