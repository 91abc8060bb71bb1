#pragma once

#include <algorithm>
#include <span>

#include "vcell/data/csr_matrix.hpp"
#include "vcell/data/dense_matrix.hpp"
#include "vcell/tensor/view.hpp"

VCELL_BEGIN_NAMESPACE

/// Writes rows of a sparse matrix, zeros included, one after the other. Runs on the calling thread.
/// @param rows  which rows, in order; any may come more than once. no_row gives a row of zeros
/// @param out   (rows, columns of m)
/// @throws ShapeError if out has another shape or there is no such row
template <class T>
void gather_rows(const CsrMatrix<T>& m, std::span<const size_t> rows, View<T, 2> out,
                 size_t no_row = ~size_t(0)) {
  check_shape_match("gather_rows", "out", out.shape, "rows and columns",
                    Shape<2>{rows.size(), m.columns});
  for (size_t i = 0; i < rows.size(); ++i) {
    T* const to = out.data + i * m.columns;
    std::fill_n(to, m.columns, T(0));  // a row at a time: its values find it in cache
    if (rows[i] == no_row) continue;
    check_index("gather_rows", "row", rows[i], m.rows);
    const auto columns = m.row_indices(rows[i]);
    const auto values = m.row_values(rows[i]);
    for (size_t k = 0; k < columns.size(); ++k) to[columns[k]] = values[k];
  }
}

/// The same of a dense matrix, such as an embedding of cells.
template <class T>
void gather_rows(const DenseMatrix<T>& m, std::span<const size_t> rows, View<T, 2> out,
                 size_t no_row = ~size_t(0)) {
  check_shape_match("gather_rows", "out", out.shape, "rows and columns",
                    Shape<2>{rows.size(), m.columns});
  for (size_t i = 0; i < rows.size(); ++i) {
    T* const to = out.data + i * m.columns;
    if (rows[i] == no_row) {
      std::fill_n(to, m.columns, T(0));
      continue;
    }
    check_index("gather_rows", "row", rows[i], m.rows);
    std::copy_n(m.row(rows[i]).data(), m.columns, to);
  }
}

VCELL_END_NAMESPACE
