#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "vcell/core/check.hpp"

VCELL_BEGIN_NAMESPACE

/// A matrix with every element stored, row major.
template <class T>
struct DenseMatrix {
  size_t rows = 0, columns = 0;
  std::vector<T> values;  ///< (rows * columns)

  std::span<const T> row(size_t i) const { return {values.data() + i * columns, columns}; }
  std::span<T> row(size_t i) { return {values.data() + i * columns, columns}; }

  friend bool operator==(const DenseMatrix&, const DenseMatrix&) = default;
};

/// The rows in the given order; a row may be named more than once.
/// @throws ShapeError if there is no such row
template <class T>
DenseMatrix<T> select_rows(const DenseMatrix<T>& m, std::span<const size_t> rows) {
  DenseMatrix<T> out{rows.size(), m.columns, std::vector<T>(rows.size() * m.columns)};
  for (size_t i = 0; i < rows.size(); ++i) {
    check_index("select_rows", "row", rows[i], m.rows);
    std::copy_n(m.row(rows[i]).data(), m.columns, out.row(i).data());
  }
  return out;
}

/// The columns in the given order; a column may be named more than once.
/// @throws ShapeError if there is no such column
template <class T>
DenseMatrix<T> select_columns(const DenseMatrix<T>& m, std::span<const size_t> columns) {
  for (size_t column : columns) check_index("select_columns", "column", column, m.columns);
  DenseMatrix<T> out{m.rows, columns.size(), std::vector<T>(m.rows * columns.size())};
  for (size_t i = 0; i < m.rows; ++i)
    for (size_t j = 0; j < columns.size(); ++j) out.row(i)[j] = m.row(i)[columns[j]];
  return out;
}

VCELL_END_NAMESPACE
