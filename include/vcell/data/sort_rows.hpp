#pragma once

#include <atomic>
#include <numeric>

#include "vcell/core/parallel_for.hpp"
#include "vcell/data/csr_matrix.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Whether every row names ascending columns of the matrix, none of them twice.
template <class T>
bool has_sorted_rows(const CsrMatrix<T>& m) {
  std::atomic<bool> sorted = true;
  parallel_for(m.rows, 32, [&](size_t first, size_t last) {
    for (size_t row = first; row < last; ++row) {
      const auto columns = m.row_indices(row);
      if (columns.empty()) continue;
      // no bool, which compilers take one by one
      uint32_t wrong = uint32_t(columns.front() < 0 || size_t(columns.back()) >= m.columns);
      for (size_t k = 1; k < columns.size(); ++k) wrong |= uint32_t(columns[k - 1] >= columns[k]);
      if (wrong) sorted = false;
    }
  });
  return sorted;
}

}  // namespace detail

/// Puts the columns of every row in ascending order and adds up the values of a column that a row
/// names more than once, as scipy does; other rows are left as they are.
/// @throws FormatError if a sum of whole numbers is beyond T, which scipy lets wrap around
template <class T>
void sort_rows(CsrMatrix<T>& m) {
  if (detail::has_sorted_rows(m)) return;
  std::vector<size_t> order;
  std::vector<int32_t> indices;
  std::vector<T> values;
  int64_t end = 0;  // where the next entry goes; rows move towards the front as duplicates vanish
  for (size_t row = 0; row < m.rows; ++row) {
    const size_t n = m.row_size(row), begin = size_t(m.indptr[row]);
    indices.assign(m.indices.data() + begin, m.indices.data() + begin + n);
    values.assign(m.values.data() + begin, m.values.data() + begin + n);
    order.resize(n);
    std::iota(order.begin(), order.end(), size_t(0));
    if (!std::is_sorted(indices.begin(), indices.end()))
      std::stable_sort(order.begin(), order.end(),
                       [&](size_t a, size_t b) { return indices[a] < indices[b]; });
    m.indptr[row] = end;
    for (size_t i : order) {
      if (end > m.indptr[row] && m.indices[size_t(end) - 1] == indices[i]) {
        T& sum = m.values[size_t(end) - 1];
        if constexpr (std::is_integral_v<T>) {
          if (__builtin_add_overflow(sum, values[i], &sum))
            detail::fail<FormatError>("sort_rows: row ", row, " names column ", indices[i],
                                      " more than once, and the sum does not fit its type");
        } else {
          sum += values[i];
        }
      } else {
        m.indices[size_t(end)] = indices[i];
        m.values[size_t(end++)] = values[i];
      }
    }
  }
  m.indptr[m.rows] = end;
  m.indices.resize(size_t(end));
  m.values.resize(size_t(end));
}

VCELL_END_NAMESPACE
