#pragma once

#include "vcell/kernels/device/rows.cuh"
#include "vcell/kernels/softmax.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

/// A thread reads and writes the same columns in every pass, so y may be x and serves to keep the
/// exponentials.
template <unsigned threads, class T>
VCELL_KERNEL void softmax_forward(const T* x,  // (rows, columns)
                                  T* y,        // (rows, columns)
                                  size_t rows, size_t columns) {
  device::for_each_row<threads>(rows, [&](size_t row) {
    const T* xi = x + row * columns;
    T* yi = y + row * columns;
    const T m = device::max_row<threads, T>(columns, [=](size_t j) { return xi[j]; });
    const T sum =
        device::sum_row<threads, T>(columns, [=](size_t j) { return yi[j] = std::exp(xi[j] - m); });
    const T scale = 1 / sum;
    device::for_each_column<threads>(columns, [=](size_t j) { yi[j] *= scale; });
  });
}

template <unsigned threads, bool accumulate, class T>
VCELL_KERNEL void softmax_backward(const T* dy,  // (rows, columns)
                                   const T* y,   // (rows, columns)
                                   T* dx,        // (rows, columns)
                                   size_t rows, size_t columns) {
  device::for_each_row<threads>(rows, [&](size_t row) {
    const T* dyi = dy + row * columns;
    const T* yi = y + row * columns;
    T* dxi = dx + row * columns;
    const T along = device::sum_row<threads, T>(columns, [=](size_t j) { return dyi[j] * yi[j]; });
    device::for_each_column<threads>(
        columns, [=](size_t j) { device::put<accumulate>(dxi[j], yi[j] * (dyi[j] - along)); });
  });
}

}  // namespace detail

template <>
struct Softmax<Cuda> {
  template <class T>
  static Status forward(const Context<Cuda>& context, View<const T, 2, Cuda> x,  // (rows, columns)
                        View<T, 2, Cuda> y) {                                    // (rows, columns)
    if (x.count() == 0) return {};
    const size_t rows = x.shape[0], columns = x.shape[1];
    return device::with_row_threads(columns, [&](auto threads) {
      return device::launch(context, detail::softmax_forward<threads, T>,
                            device::grid_for_rows(rows, columns), dim3{device::row_threads}, x.data,
                            y.data, rows, columns);
    });
  }

  template <class T>
  static Status backward(const Context<Cuda>& context,
                         View<const T, 2, Cuda> dy,  // (rows, columns)
                         View<const T, 2, Cuda> y,   // (rows, columns)
                         Target<T, 2, Cuda> dx) {    // (rows, columns)
    if (!dx || y.count() == 0) return {};
    const size_t rows = y.shape[0], columns = y.shape[1];
    return device::with_row_threads(columns, [&](auto threads) {
      const auto function = dx.accumulate ? detail::softmax_backward<threads, true, T>
                                          : detail::softmax_backward<threads, false, T>;
      return device::launch(context, function, device::grid_for_rows(rows, columns),
                            dim3{device::row_threads}, dy.data, y.data, dx.view.data, rows,
                            columns);
    });
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
