#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "vcell/core/check.hpp"
#include "vcell/core/instantiate.hpp"

VCELL_BEGIN_NAMESPACE

/// Borrowed rows of a sparse matrix. indptr has rows + 1 entries and need not start at 0: indices
/// and values begin at what its first entry names.
template <class T>
struct CsrView {
  size_t rows = 0, columns = 0;
  std::span<const int64_t> indptr;   ///< (rows + 1)
  std::span<const int32_t> indices;  ///< columns, ascending within a row, no duplicates
  std::span<const T> values;         ///< beside indices

  size_t row_size(size_t row) const { return size_t(indptr[row + 1] - indptr[row]); }
  std::span<const int32_t> row_indices(size_t row) const {
    return indices.subspan(size_t(indptr[row] - indptr[0]), row_size(row));
  }
  std::span<const T> row_values(size_t row) const {
    return values.subspan(size_t(indptr[row] - indptr[0]), row_size(row));
  }
};

/// A sparse matrix by rows (compressed sparse rows). Row i holds values[indptr[i] .. indptr[i + 1])
/// in the columns indices[...], ascending and without duplicates; the others are zero.
template <class T>
struct CsrMatrix {
  size_t rows = 0, columns = 0;
  std::vector<int64_t> indptr{0};  ///< (rows + 1), not decreasing, from 0 to the stored count
  std::vector<int32_t> indices;    ///< (stored)
  std::vector<T> values;           ///< (stored)

  size_t row_size(size_t row) const { return size_t(indptr[row + 1] - indptr[row]); }
  std::span<const int32_t> row_indices(size_t row) const {
    return {indices.data() + indptr[row], row_size(row)};
  }
  std::span<const T> row_values(size_t row) const {
    return {values.data() + indptr[row], row_size(row)};
  }
  std::span<T> row_values(size_t row) { return {values.data() + indptr[row], row_size(row)}; }

  CsrView<T> view() const { return {rows, columns, indptr, indices, values}; }
  /// Rows first .. last - 1, borrowed.
  CsrView<T> view(size_t first, size_t last) const {
    const auto begin = size_t(indptr[first]), size = size_t(indptr[last]) - begin;
    return {last - first, columns, std::span(indptr).subspan(first, last - first + 1),
            std::span(indices).subspan(begin, size), std::span(values).subspan(begin, size)};
  }

  /// Appends the rows of another matrix with as many columns.
  void append(const CsrView<T>& more);
  /// Ends a row whose entries were appended to indices and values.
  void end_row() {
    indptr.push_back(int64_t(indices.size()));
    ++rows;
  }

  friend bool operator==(const CsrMatrix&, const CsrMatrix&) = default;
};

/// No rows, in room that is used again.
template <class T>
void clear_rows(CsrMatrix<T>& m, size_t columns) {
  m.rows = 0;
  m.columns = columns;
  m.indptr.assign(1, 0);
  m.indices.clear();
  m.values.clear();
}

template <class T>
void CsrMatrix<T>::append(const CsrView<T>& more) {
  check_size_match("CsrMatrix::append", "columns", more.columns, "columns so far", columns);
  for (size_t row = 0; row < more.rows; ++row)
    indptr.push_back(indptr.back() + int64_t(more.row_size(row)));
  indices.insert(indices.end(), more.indices.begin(), more.indices.end());
  values.insert(values.end(), more.values.begin(), more.values.end());
  rows += more.rows;
}

/// The rows in the given order; a row may be named more than once.
/// @throws ShapeError if there is no such row
template <class T>
CsrMatrix<T> select_rows(CsrView<T> m, std::span<const size_t> rows) {
  CsrMatrix<T> out;
  out.columns = m.columns;
  size_t stored = 0;
  for (size_t row : rows) {
    check_index("select_rows", "row", row, m.rows);
    stored += m.row_size(row);
  }
  out.indptr.reserve(rows.size() + 1);
  out.indices.reserve(stored);
  out.values.reserve(stored);
  for (size_t row : rows) {
    const auto indices = m.row_indices(row);
    const auto values = m.row_values(row);
    out.indices.insert(out.indices.end(), indices.begin(), indices.end());
    out.values.insert(out.values.end(), values.begin(), values.end());
    out.end_row();
  }
  return out;
}

/// The columns in the given order; a column may be named more than once.
/// @throws ShapeError if there is no such column
template <class T>
CsrMatrix<T> select_columns(CsrView<T> m, std::span<const size_t> columns) {
  // new_columns[first[c] .. first[c + 1]): where column c goes, as a small matrix of its own.
  std::vector<size_t> first(m.columns + 1, 0), new_columns(columns.size());
  for (size_t column : columns) {
    check_index("select_columns", "column", column, m.columns);
    ++first[column + 1];
  }
  for (size_t c = 0; c < m.columns; ++c) first[c + 1] += first[c];
  std::vector<size_t> next(first.begin(), first.end() - 1);
  for (size_t i = 0; i < columns.size(); ++i) new_columns[next[columns[i]]++] = i;

  CsrMatrix<T> out;
  out.columns = columns.size();
  out.indptr.reserve(m.rows + 1);
  std::vector<std::pair<int32_t, T>> row_entries;
  for (size_t row = 0; row < m.rows; ++row) {
    row_entries.clear();
    const auto indices = m.row_indices(row);
    const auto values = m.row_values(row);
    for (size_t i = 0; i < indices.size(); ++i)
      for (size_t k = first[size_t(indices[i])]; k < first[size_t(indices[i]) + 1]; ++k)
        row_entries.emplace_back(int32_t(new_columns[k]), values[i]);
    const auto by_column = [](const auto& a, const auto& b) { return a.first < b.first; };
    if (!std::is_sorted(row_entries.begin(), row_entries.end(), by_column))
      std::sort(row_entries.begin(), row_entries.end(), by_column);
    for (const auto& [column, value] : row_entries) {
      out.indices.push_back(column);
      out.values.push_back(value);
    }
    out.end_row();
  }
  return out;
}

template <class T>
CsrMatrix<T> select_rows(const CsrMatrix<T>& m, std::span<const size_t> rows) {
  return select_rows(m.view(), rows);
}
template <class T>
CsrMatrix<T> select_columns(const CsrMatrix<T>& m, std::span<const size_t> columns) {
  return select_columns(m.view(), columns);
}

VCELL_INSTANTIATE(data, CsrMatrix<float> select_rows(CsrView<float>, std::span<const size_t>));

VCELL_END_NAMESPACE
