#pragma once

#include "vcell/kernels/copy.hpp"
#include "vcell/kernels/device/each.cuh"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

/// The elements in a row, whatever lies between the rows of either matrix.
template <bool accumulate, class T>
VCELL_KERNEL void copy(const T* from, size_t from_stride, T* to, size_t to_stride, size_t rows,
                       size_t columns) {
  device::for_each(rows * columns, [&](size_t i) {
    const size_t row = i / columns, column = i % columns;
    device::put<accumulate>(to[row * to_stride + column], from[row * from_stride + column]);
  });
}

}  // namespace detail

template <>
struct Copy<Cuda> {
  /// @param accumulate  add to what is there
  template <class T>
  static Status run(const Context<Cuda>& context, MatrixView<const T, Cuda> from,
                    MatrixView<T, Cuda> to, bool accumulate) {
    const size_t n = to.rows * to.columns;
    if (n == 0) return {};
    return device::launch(context, accumulate ? detail::copy<true, T> : detail::copy<false, T>,
                          device::grid_for_each(n), dim3{device::each_threads}, from.data,
                          from.stride, to.data, to.stride, to.rows, to.columns);
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
