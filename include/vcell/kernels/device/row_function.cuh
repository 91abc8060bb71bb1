#pragma once

#include "vcell/kernels/device/rows.cuh"
#include "vcell/kernels/target.hpp"

VCELL_BEGIN_NAMESPACE
namespace device {
namespace detail {

template <class F, unsigned threads, class T>
VCELL_KERNEL void row_function_forward(const T* x,  // (rows, columns)
                                       T* y,        // (rows, columns)
                                       size_t rows, size_t columns) {
  for_each_row<threads>(rows, [=](size_t row) {
    F::template forward<threads>(x + row * columns, y + row * columns, columns);
  });
}

template <class F, unsigned threads, bool accumulate, class T>
VCELL_KERNEL void row_function_backward(const T* dy,  // (rows, columns)
                                        const T* y,   // (rows, columns)
                                        T* dx,        // (rows, columns)
                                        size_t rows, size_t columns) {
  for_each_row<threads>(rows, [=](size_t row) {
    F::template backward<threads, accumulate>(dy + row * columns, y + row * columns,
                                              dx + row * columns, columns);
  });
}

}  // namespace detail

/// The entry points of a kernel that makes each row of y of the same row of x, and whose gradient
/// needs y alone. F works on one row, by `threads` threads that share it (rows.cuh):
///
///     template <unsigned threads, class T>
///     static __device__ void forward(const T* x, T* y, size_t columns);
///     template <unsigned threads, bool accumulate, class T>
///     static __device__ void backward(const T* dy, const T* y, T* dx, size_t columns);
template <class F>
struct RowFunction {
  template <class T>
  static kernel::Status forward(const Context<Cuda>& context,
                                View<const T, 2, Cuda> x,  // (rows, columns)
                                View<T, 2, Cuda> y) {      // (rows, columns)
    if (x.count() == 0) return {};
    const size_t rows = x.shape[0], columns = x.shape[1];
    return with_row_threads(columns, [&](auto threads) {
      return launch(context, detail::row_function_forward<F, threads, T>,
                    grid_for_rows(rows, columns), dim3{row_threads}, x.data, y.data, rows, columns);
    });
  }

  template <class T>
  static kernel::Status backward(const Context<Cuda>& context,
                                 View<const T, 2, Cuda> dy,        // (rows, columns)
                                 View<const T, 2, Cuda> y,         // (rows, columns)
                                 kernel::Target<T, 2, Cuda> dx) {  // (rows, columns)
    if (!dx || y.count() == 0) return {};
    const size_t rows = y.shape[0], columns = y.shape[1];
    return with_row_threads(columns, [&](auto threads) {
      const auto function = dx.accumulate ? detail::row_function_backward<F, threads, true, T>
                                          : detail::row_function_backward<F, threads, false, T>;
      return launch(context, function, grid_for_rows(rows, columns), dim3{row_threads}, dy.data,
                    y.data, dx.view.data, rows, columns);
    });
  }
};

}  // namespace device
VCELL_END_NAMESPACE
