#pragma once

#include <cmath>

#include "vcell/kernels/device/each.cuh"
#include "vcell/kernels/device/reduce.cuh"
#include "vcell/kernels/softmax.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

constexpr unsigned softmax_threads = 128;

/// One block a row, and the rows beyond the grid in turn. A thread reads and writes the same
/// columns in every pass, so y may be x and serves to keep the exponentials.
template <class T>
VCELL_KERNEL void softmax_forward(const T* x,  // (rows, columns)
                                  T* y,        // (rows, columns)
                                  size_t rows, size_t columns) {
  for (size_t row = blockIdx.x; row < rows; row += gridDim.x) {
    const T* xi = x + row * columns;
    T* yi = y + row * columns;
    T m = T(-INFINITY);
    for (size_t j = threadIdx.x; j < columns; j += softmax_threads) m = xi[j] > m ? xi[j] : m;
    m = device::block_reduce<softmax_threads>(m, device::Max{});
    T sum = 0;
    for (size_t j = threadIdx.x; j < columns; j += softmax_threads) {
      const T e = std::exp(xi[j] - m);
      yi[j] = e;
      sum += e;
    }
    const T scale = 1 / device::block_reduce<softmax_threads>(sum, device::Sum{});
    for (size_t j = threadIdx.x; j < columns; j += softmax_threads) yi[j] *= scale;
  }
}

template <bool accumulate, class T>
VCELL_KERNEL void softmax_backward(const T* dy,  // (rows, columns)
                                   const T* y,   // (rows, columns)
                                   T* dx,        // (rows, columns)
                                   size_t rows, size_t columns) {
  for (size_t row = blockIdx.x; row < rows; row += gridDim.x) {
    const size_t start = row * columns;
    T along = 0;
    for (size_t j = threadIdx.x; j < columns; j += softmax_threads)
      along += dy[start + j] * y[start + j];
    along = device::block_reduce<softmax_threads>(along, device::Sum{});
    for (size_t j = threadIdx.x; j < columns; j += softmax_threads)
      device::put<accumulate>(dx[start + j], y[start + j] * (dy[start + j] - along));
  }
}

}  // namespace detail

template <>
struct Softmax<Cuda> {
  template <class T>
  static Status forward(const Context<Cuda>& context, View<const T, 2, Cuda> x,  // (rows, columns)
                        View<T, 2, Cuda> y) {                                    // (rows, columns)
    if (x.count() == 0) return {};
    return device::launch(context, detail::softmax_forward<T>, device::grid_for(x.shape[0]),
                          dim3{detail::softmax_threads}, x.data, y.data, x.shape[0], x.shape[1]);
  }

  template <class T>
  static Status backward(const Context<Cuda>& context,
                         View<const T, 2, Cuda> dy,  // (rows, columns)
                         View<const T, 2, Cuda> y,   // (rows, columns)
                         Target<T, 2, Cuda> dx) {    // (rows, columns)
    if (!dx || y.count() == 0) return {};
    const auto function =
        dx.accumulate ? detail::softmax_backward<true, T> : detail::softmax_backward<false, T>;
    return device::launch(context, function, device::grid_for(y.shape[0]),
                          dim3{detail::softmax_threads}, dy.data, y.data, dx.view.data, y.shape[0],
                          y.shape[1]);
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
