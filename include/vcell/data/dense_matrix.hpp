#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "vcell/core/check.hpp"

VCELL_BEGIN_NAMESPACE

/// A borrowed matrix with every element stored, row major.
template <class T>
struct DenseView {
  size_t rows = 0, columns = 0;
  std::span<const T> values;  ///< (rows * columns)

  std::span<const T> row(size_t i) const { return values.subspan(i * columns, columns); }
};

/// A matrix with every element stored, row major.
template <class T>
struct DenseMatrix {
  size_t rows = 0, columns = 0;
  std::vector<T> values;  ///< (rows * columns)

  std::span<const T> row(size_t i) const { return {values.data() + i * columns, columns}; }
  std::span<T> row(size_t i) { return {values.data() + i * columns, columns}; }

  friend bool operator==(const DenseMatrix&, const DenseMatrix&) = default;
};

/// The columns in the given order; a column may be named more than once.
/// @throws ShapeError if there is no such column
template <class T>
DenseMatrix<T> select_columns(DenseView<T> m, std::span<const size_t> columns) {
  for (size_t column : columns) check_index("select_columns", "column", column, m.columns);
  DenseMatrix<T> out{m.rows, columns.size(), std::vector<T>(m.rows * columns.size())};
  for (size_t i = 0; i < m.rows; ++i)
    for (size_t j = 0; j < columns.size(); ++j) out.row(i)[j] = m.row(i)[columns[j]];
  return out;
}

VCELL_END_NAMESPACE
