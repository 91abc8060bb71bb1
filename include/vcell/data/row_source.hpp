#pragma once

#include <algorithm>
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

namespace detail {

/// block_end of a matrix that is stored so.
/// @param indptr  where the values of each row begin; empty: it is dense
template <class = void>
size_t block_end(std::span<const int64_t> indptr, size_t rows, size_t columns, DType dtype,
                 size_t first, size_t bytes) {
  const size_t values = bytes / (size_of(dtype) + sizeof(int32_t));
  if (indptr.empty())
    return std::min(rows, first + std::max<size_t>(1, values / std::max<size_t>(1, columns)));
  const auto begin = indptr.begin() + std::ptrdiff_t(first);
  const auto end = std::upper_bound(begin, indptr.end(), *begin + int64_t(values));
  return std::max(first + 1, size_t(end - indptr.begin()) - 1);
}

}  // namespace detail

/// Where the longest block ends that begins at `first` and whose stored values, with their columns,
/// take at most so many bytes: after one row at least.
template <class = void>
size_t block_end(const Matrix& m, size_t first, size_t bytes) {
  return detail::block_end(m.indptr(), m.rows(), m.columns(), m.dtype(), first, bytes);
}

/// Cells x genes that are read in blocks of rows, as whatever scalar is asked for: a Matrix; X of
/// an open h5ad file (H5adRows), of which no more than a block is in memory; either of them with
/// rows and columns left out (SelectedRows) or normalised (Log1pRows).
///
///   rows(), columns()    its shape
///   dtype()              what it stores
///   is_sparse(), layout  how it is stored, and written
///   block_end(s, first, bytes)         as that of a Matrix
///   row_block<T>(s, first, last, scratch)   as that of a Matrix
///
/// One that finds rows by number has, too,
///   s.read(numbers, out)               as read_rows
template <class S, class T>
concept RowSource = requires(const S& s, size_t i, CsrMatrix<T>& scratch) {
  { s.rows() } -> std::convertible_to<size_t>;
  { s.columns() } -> std::convertible_to<size_t>;
  { s.dtype() } -> std::same_as<DType>;
  { s.is_sparse() } -> std::same_as<bool>;
  { s.layout } -> std::convertible_to<SparseLayout>;
  { block_end(s, i, i) } -> std::same_as<size_t>;
  { row_block(s, i, i, scratch) } -> std::same_as<CsrView<T>>;
};

/// How much of a source is looked at in one go.
struct BlockLimits {
  size_t bytes = size_t(16) << 20;  ///< of stored values and their columns; a row is never cut
  size_t rows = 8192;
};

/// Calls f(first_row, CsrView<T>) for blocks of rows in order, until it returns false where it
/// returns a bool. What is written over this function runs in the memory of one block.
/// @throws ConfigError if limits.rows is 0
template <class T, class S, class F>
requires RowSource<S, T>
void for_each_row_block(const S& source, F&& f, const BlockLimits& limits = {}) {
  check_positive("for_each_row_block", "limits.rows", limits.rows);
  CsrMatrix<T> scratch;
  for (size_t first = 0, last; first < source.rows(); first = last) {
    last = std::min(block_end(source, first, limits.bytes), first + limits.rows);
    const CsrView<T> block = row_block(source, first, last, scratch);
    if constexpr (std::is_same_v<decltype(f(first, block)), bool>) {
      if (!f(first, block)) return;
    } else {
      f(first, block);
    }
  }
}

/// Some columns of a source, dense, in the order given.
/// @throws ShapeError if there is no such column
template <class T, class S>
requires RowSource<S, T> DenseMatrix<T> dense_columns(const S& source,
                                                      std::span<const size_t> columns) {
  for (const size_t column : columns)
    check_index("dense_columns", "column", column, source.columns());
  DenseMatrix<T> out{source.rows(), columns.size(), std::vector<T>(source.rows() * columns.size())};
  for_each_row_block<T>(source, [&](size_t first_row, const CsrView<T>& block) {
    const CsrMatrix<T> part = select_columns(block, columns);
    for (size_t row = 0; row < part.rows; ++row) {
      const auto to = out.row(first_row + row);
      const auto places = part.row_indices(row);
      const auto values = part.row_values(row);
      for (size_t k = 0; k < places.size(); ++k) to[size_t(places[k])] = values[k];
    }
  });
  return out;
}

VCELL_END_NAMESPACE
