#pragma once

#include <concepts>

#include "vcell/data/matrix.hpp"

VCELL_BEGIN_NAMESPACE

/// Rows first .. last - 1 of a matrix as sparse rows of T: borrowed where they are stored so, else
/// made in `scratch`, which the view then refers to.
/// @throws ShapeError if there are no such rows
template <class T>
CsrView<T> row_block(const Matrix& m, size_t first, size_t last, CsrMatrix<T>& scratch) {
  if (first > last || last > m.rows()) [[unlikely]]
    detail::fail<ShapeError>("row_block: rows ", first, " .. ", last, " of a matrix with ",
                             m.rows(), " rows");
  scratch = CsrMatrix<T>{};
  scratch.columns = m.columns();
  if (!m.is_sparse()) {
    append_rows(scratch, m, first, last);
    return scratch.view();
  }
  const auto begin = size_t(m.indptr()[first]), size = size_t(m.indptr()[last]) - begin;
  std::span<const T> values;
  if (m.values().holds<T>()) {
    values = m.values().values<T>().subspan(begin, size);
  } else {
    scratch.values.resize(size);
    m.values().copy(begin, size, scratch.values.data());
    values = scratch.values;
  }
  return {last - first, m.columns(), std::span(m.indptr()).subspan(first, last - first + 1),
          std::span(m.indices()).subspan(begin, size), values};
}

/// What for_each_row_block reads: anything with m.rows(), m.columns() and row_block<T>(m, ...),
/// such as a Matrix, or a matrix that stays in its file and is read a block at a time.
template <class M, class T>
concept RowBlocks = requires(const M& m, size_t i, CsrMatrix<T>& scratch) {
  { m.rows() } -> std::convertible_to<size_t>;
  { m.columns() } -> std::convertible_to<size_t>;
  { row_block(m, i, i, scratch) } -> std::same_as<CsrView<T>>;
};

/// Calls f(first_row, CsrView<T>) for every block of at most rows_per_block rows, in order. What is
/// written over this function runs in the memory of one block.
template <class T, class M, class F>
requires RowBlocks<M, T>
void for_each_row_block(const M& m, size_t rows_per_block, F&& f) {
  check_positive("for_each_row_block", "rows_per_block", rows_per_block);
  CsrMatrix<T> scratch;
  for (size_t first = 0; first < m.rows(); first += rows_per_block)
    f(first, row_block(m, first, std::min(m.rows(), first + rows_per_block), scratch));
}

VCELL_END_NAMESPACE
