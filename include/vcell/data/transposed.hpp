#pragma once

#include <numeric>

#include "vcell/data/csr_matrix.hpp"

VCELL_BEGIN_NAMESPACE

/// Rows become columns; the columns of each new row are ascending.
template <class T>
CsrMatrix<T> transposed(const CsrMatrix<T>& m) {
  CsrMatrix<T> out{m.columns, m.rows, std::vector<int64_t>(m.columns + 1, 0),
                   std::vector<int32_t>(m.indices.size()), std::vector<T>(m.values.size())};
  for (int32_t column : m.indices) ++out.indptr[size_t(column) + 1];
  std::partial_sum(out.indptr.begin(), out.indptr.end(), out.indptr.begin());
  std::vector<int64_t> next(out.indptr.begin(), out.indptr.end() - 1);
  for (size_t row = 0; row < m.rows; ++row)
    for (auto i = size_t(m.indptr[row]); i < size_t(m.indptr[row + 1]); ++i) {
      const auto place = size_t(next[size_t(m.indices[i])]++);
      out.indices[place] = int32_t(row);
      out.values[place] = m.values[i];
    }
  return out;
}

VCELL_END_NAMESPACE
