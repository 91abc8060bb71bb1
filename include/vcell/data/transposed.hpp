#pragma once

#include <numeric>

#include "vcell/data/csr_matrix.hpp"

VCELL_BEGIN_NAMESPACE

/// Rows become columns; the columns of each new row are ascending.
template <class T>
CsrMatrix<T> transposed(CsrView<T> m) {
  CsrMatrix<T> out{m.columns, m.rows, std::vector<int64_t>(m.columns + 1, 0),
                   std::vector<int32_t>(m.indices.size()), std::vector<T>(m.values.size())};
  for (int32_t column : m.indices) ++out.indptr[size_t(column) + 1];
  std::partial_sum(out.indptr.begin(), out.indptr.end(), out.indptr.begin());
  std::vector<int64_t> next(out.indptr.begin(), out.indptr.end() - 1);
  for (size_t row = 0; row < m.rows; ++row) {
    const auto columns = m.row_indices(row);
    const auto values = m.row_values(row);
    for (size_t i = 0; i < columns.size(); ++i) {
      const auto place = size_t(next[size_t(columns[i])]++);
      out.indices[place] = int32_t(row);
      out.values[place] = values[i];
    }
  }
  return out;
}

VCELL_END_NAMESPACE
