#pragma once

#include <span>

#include "vcell/core/parallel_for.hpp"
#include "vcell/data/row_source.hpp"

VCELL_BEGIN_NAMESPACE

/// Rows of a source (see RowSource) in the order given, sorted or not; a row may be named more than
/// once. A source that finds rows by number does so (`source.read(rows, out)`), on all threads of
/// the pool: a Matrix; X of an open file (H5adRows), where each chunk is unpacked once for all rows
/// of a call. Those that make rows of another source's (SelectedRows, TransformedRows, JoinedRows,
/// CellRows, ...) hand the numbers on to it. Of any other source rows that follow each other are
/// read as a block. The same rows come out for any number of threads.
/// @param out  room that is used again; zeros of a dense matrix are left out
/// @throws ShapeError if there is no such row; what reading the source throws
template <class T, class S>
requires RowSource<S, T>
void read_rows(const S& source, std::span<const size_t> rows, CsrMatrix<T>& out) {
  if constexpr (requires { source.read(rows, out); }) return source.read(rows, out);
  for (const size_t row : rows) check_index("read_rows", "row", row, source.rows());
  clear_rows(out, source.columns());
  CsrMatrix<T> scratch;
  for (size_t i = 0, end; i < rows.size(); i = end) {
    for (end = i + 1; end < rows.size() && rows[end] == rows[end - 1] + 1;) ++end;
    out.append(row_block(source, rows[i], rows[end - 1] + 1, scratch));
  }
}

/// The same of a matrix in memory.
template <class T>
void read_rows(const Matrix& m, std::span<const size_t> rows, CsrMatrix<T>& out) {
  clear_rows(out, m.columns());
  if (!m.is_sparse()) {
    for (const size_t row : rows) {
      check_index("read_rows", "row", row, m.rows());
      append_rows(out, m, row, row + 1);
    }
    return;
  }
  for (const size_t row : rows) {
    check_index("read_rows", "row", row, m.rows());
    out.indptr.push_back(out.indptr.back() + int64_t(m.row_range(row).second));
  }
  out.rows = rows.size();
  out.indices.resize(size_t(out.indptr.back()));
  out.values.resize(out.indices.size());
  parallel_for(rows.size(), 32, [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i) {
      const auto [begin, size] = m.row_range(rows[i]);
      std::copy_n(m.indices().data() + begin, size, out.indices.data() + out.indptr[i]);
      m.values().copy(begin, size, out.values.data() + out.indptr[i]);
    }
  });
}

/// The same in room of its own.
template <class T, class S>
requires RowSource<S, T> CsrMatrix<T> read_rows(const S& source, std::span<const size_t> rows) {
  CsrMatrix<T> out;
  read_rows(source, rows, out);
  return out;
}

VCELL_END_NAMESPACE
