#pragma once

#include <algorithm>

#include "vcell/core/device.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/kernels/matrix_view.hpp"
#include "vcell/kernels/status.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// Moves a block between matrices whose rows may lie apart: how slices and concatenations of any
/// axis look once the axes before and after it are collapsed.
///
///   to[i, j] = from[i, j]          or added: to[i, j] += from[i, j]
template <class Device>
struct CopyBlock {
  static_assert(sizeof(Device) == 0,
                "vcell: copy_block has no kernel for this device in this translation unit: compile "
                "it with nvcc and include <vcell/cuda.cuh>");
};

template <>
struct CopyBlock<Cpu> {
  template <class T>
  static Status run(MatrixView<const T> from, MatrixView<T> to) {
    for_rows(to, [&](size_t i) { std::copy_n(from.row(i), to.columns, to.row(i)); });
    return {};
  }
  template <class T>
  static Status accumulate(MatrixView<const T> from, MatrixView<T> to) {
    for_rows(to, [&](size_t i) {
      const T* x = from.row(i);
      T* y = to.row(i);
      for (size_t j = 0; j < to.columns; ++j) y[j] += x[j];
    });
    return {};
  }

 private:
  template <class T, class F>
  static void for_rows(const MatrixView<T>& to, F f) {
    const size_t grain = std::max<size_t>(1, (1 << 15) / std::max<size_t>(1, to.columns));
    parallel_for(to.rows, grain, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) f(i);
    });
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
