#pragma once

#include "vcell/kernels/device/column_sums.cuh"
#include "vcell/kernels/device/divide.cuh"
#include "vcell/kernels/device/each.cuh"
#include "vcell/kernels/device/element_of_row.cuh"
#include "vcell/kernels/set_bias.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

template <class T>
VCELL_KERNEL void set_bias_forward(const T* x,  // (B, S, columns)
                                   const T* p,  // (B, columns)
                                   T* y,        // (B, S, columns)
                                   size_t sets, size_t s, size_t columns) {
  device::for_each(sets * s * columns, [&](size_t i) {
    const size_t row = device::divide(i, columns), set = device::divide(row, s);
    y[i] = x[i] + p[set * columns + (i - row * columns)];
  });
}

}  // namespace detail

template <>
struct SetBias<Cuda> {
  template <class T>
  static Status forward(const Context<Cuda>& context, View<const T, 3, Cuda> x,  // (B, S, columns)
                        View<const T, 2, Cuda> p,                                // (B, columns)
                        View<T, 3, Cuda> y) {                                    // (B, S, columns)
    if (x.count() == 0) return {};
    return device::launch(context, detail::set_bias_forward<T>, device::grid_for_each(x.count()),
                          dim3{device::each_threads}, x.data, p.data, y.data, x.shape[0],
                          x.shape[1], x.shape[2]);
  }

  template <class T>
  static size_t backward_scratch(const Context<Cuda>&, View<const T, 3, Cuda> dy,
                                 Target<T, 2, Cuda> dp) {
    return dp ? device::ColumnSums<T, 1>::bytes(dy.shape) : 0;
  }
  template <class T>
  static Status backward(const Context<Cuda>& context,
                         View<const T, 3, Cuda> dy,  // (B, S, columns)
                         Target<T, 2, Cuda> dp,      // (B, columns)
                         Scratch<Cuda> scratch) {
    if (!dp) return {};
    return device::ColumnSums<T, 1>::run(context, dy.shape, {dp.flat()}, scratch,
                                         device::ElementOfRow{dy.shape[2]}, dy.data);
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
