#pragma once

#include <span>

#include "vcell/core/parallel_for.hpp"
#include "vcell/data/matrix.hpp"

VCELL_BEGIN_NAMESPACE

/// Calls f(row, std::span<T>) for the values of every row, to change them in place: of a sparse
/// matrix those that are stored. Rows are independent, so the result does not depend on the number
/// of threads.
template <class F>
void transform_rows(Matrix& m, F&& f) {
  std::visit<void>(
      [&]<class M>(M& x) {
        parallel_for(x.rows, 64, [&](size_t first, size_t last) {
          for (size_t i = first; i < last; ++i) {
            if constexpr (detail::is_csr_v<M>)
              f(i, x.row_values(i));
            else
              f(i, x.row(i));
          }
        });
      },
      m);
}

VCELL_END_NAMESPACE
