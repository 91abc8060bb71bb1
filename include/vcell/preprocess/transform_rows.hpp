#pragma once

#include <span>

#include "vcell/core/parallel_for.hpp"
#include "vcell/data/matrix.hpp"

VCELL_BEGIN_NAMESPACE

/// Calls f(row, std::span<T>) for the values of every row as T, to change them in place: of a
/// sparse matrix those that are stored. The matrix is one of T afterwards. Rows are independent, so
/// the result does not depend on the number of threads.
template <class T, class F>
void transform_rows(Matrix& m, F&& f) {
  m.values().template become<T>();
  const auto values = m.values().template values<T>();
  parallel_for(m.rows(), 64, [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i) {
      const auto [begin, size] = m.row_range(i);
      f(i, values.subspan(begin, size));
    }
  });
}

VCELL_END_NAMESPACE
