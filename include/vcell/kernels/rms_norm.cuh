#pragma once

#include "vcell/kernels/device/column_sums.cuh"
#include "vcell/kernels/device/rows.cuh"
#include "vcell/kernels/rms_norm.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

/// A thread reads and writes the same columns, so y may be x.
template <unsigned threads, class T>
VCELL_KERNEL void rms_norm_forward(const T* x,  // (rows, columns)
                                   const T* w,  // (columns)
                                   T* y,        // (rows, columns)
                                   T* r,        // (rows)
                                   size_t rows, size_t columns, T epsilon) {
  device::for_each_row<threads>(rows, [&](size_t i) {
    const T* xi = x + i * columns;
    T* yi = y + i * columns;
    const T square = device::sum_row<threads, T>(columns, [=](size_t j) { return xi[j] * xi[j]; });
    const T ri = 1 / std::sqrt(square / T(columns) + epsilon);
    if (threadIdx.x % threads == 0) r[i] = ri;
    device::for_each_column<threads>(columns, [=](size_t j) { yi[j] = xi[j] * ri * w[j]; });
  });
}

template <unsigned threads, bool accumulate, class T>
VCELL_KERNEL void rms_norm_backward(const T* dy,  // (rows, columns)
                                    const T* x,   // (rows, columns)
                                    const T* w,   // (columns)
                                    const T* r,   // (rows)
                                    T* dx,        // (rows, columns)
                                    size_t rows, size_t columns) {
  device::for_each_row<threads>(rows, [&](size_t i) {
    const T* xi = x + i * columns;
    const T* dyi = dy + i * columns;
    T* dxi = dx + i * columns;
    const T ri = r[i];
    const T s =
        device::sum_row<threads, T>(columns, [=](size_t j) { return xi[j] * w[j] * dyi[j]; });
    const T along = ri * ri * s / T(columns);
    device::for_each_column<threads>(columns, [=](size_t j) {
      device::put<accumulate>(dxi[j], ri * (w[j] * dyi[j] - xi[j] * along));
    });
  });
}

/// What an element adds to the gradient of the weight.
struct RmsNormTerm {
  size_t columns;
  template <class T>
  __device__ std::array<T, 1> operator()(size_t i, size_t j, const T* dy, const T* x,
                                         const T* r) const {
    return {x[i * columns + j] * r[i] * dy[i * columns + j]};
  }
};

}  // namespace detail

template <>
struct RmsNorm<Cuda> {
  template <class T>
  static Status forward(const Context<Cuda>& context, View<const T, 2, Cuda> x,  // (rows, columns)
                        View<const T, 1, Cuda> w,                                // (columns)
                        View<T, 2, Cuda> y,                                      // (rows, columns)
                        View<T, 1, Cuda> r,  // (rows), kept for backward
                        T epsilon) {
    const size_t rows = x.shape[0], columns = x.shape[1];
    if (rows == 0) return {};
    return device::with_row_threads(columns, [&](auto threads) {
      return device::launch(context, detail::rms_norm_forward<threads, T>,
                            device::grid_for_rows(rows, columns), dim3{device::row_threads}, x.data,
                            w.data, y.data, r.data, rows, columns, epsilon);
    });
  }

  template <class T>
  static size_t backward_scratch(const Context<Cuda>&, View<const T, 2, Cuda>,
                                 View<const T, 2, Cuda> x, View<const T, 1, Cuda>,
                                 View<const T, 1, Cuda>, Target<T, 2, Cuda>,
                                 Target<T, 1, Cuda> dw) {
    return dw ? device::ColumnSums<T, 1>::bytes({1, x.shape[0], x.shape[1]}) : 0;
  }
  template <class T>
  static Status backward(const Context<Cuda>& context,
                         View<const T, 2, Cuda> dy,  // (rows, columns)
                         View<const T, 2, Cuda> x,   // (rows, columns)
                         View<const T, 1, Cuda> w,   // (columns)
                         View<const T, 1, Cuda> r,   // (rows)
                         Target<T, 2, Cuda> dx,      // (rows, columns)
                         Target<T, 1, Cuda> dw,      // (columns)
                         Scratch<Cuda> scratch) {
    const size_t rows = x.shape[0], columns = x.shape[1];
    if (dx && x.count()) {
      const Status started = device::with_row_threads(columns, [&](auto threads) {
        const auto function = dx.accumulate ? detail::rms_norm_backward<threads, true, T>
                                            : detail::rms_norm_backward<threads, false, T>;
        return device::launch(context, function, device::grid_for_rows(rows, columns),
                              dim3{device::row_threads}, dy.data, x.data, w.data, r.data,
                              dx.view.data, rows, columns);
      });
      if (!started.ok()) return started;
    }
    if (!dw) return {};
    return device::ColumnSums<T, 1>::run(context, {1, rows, columns}, {dw}, scratch,
                                         detail::RmsNormTerm{columns}, dy.data, x.data, r.data);
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
