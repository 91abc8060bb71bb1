#pragma once

#include "vcell/kernels/device/column_sums.cuh"
#include "vcell/kernels/device/rows.cuh"
#include "vcell/kernels/layer_norm.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

/// A thread reads and writes the same columns, so y may be x.
template <unsigned threads, class T>
VCELL_KERNEL void layer_norm_forward(const T* x,  // (rows, columns)
                                     const T* w,  // (columns) or null
                                     const T* b,  // (columns) or null
                                     T* y,        // (rows, columns)
                                     T* m,        // (rows)
                                     T* r,        // (rows)
                                     size_t rows, size_t columns, T epsilon) {
  device::for_each_row<threads>(rows, [&](size_t i) {
    const T* xi = x + i * columns;
    T* yi = y + i * columns;
    const T rough =
        device::sum_row<threads, T>(columns, [=](size_t j) { return xi[j]; }) / T(columns);
    // Once more about the first mean, as on the Cpu.
    const T mi = rough + device::sum_row<threads, T>(columns, [=](size_t j) {
                           return xi[j] - rough;
                         }) / T(columns);
    const T square =
        device::sum_row<threads, T>(columns, [=](size_t j) { return (xi[j] - mi) * (xi[j] - mi); });
    const T ri = 1 / std::sqrt(square / T(columns) + epsilon);
    if (threadIdx.x % threads == 0) {
      m[i] = mi;
      r[i] = ri;
    }
    device::for_each_column<threads>(columns, [=](size_t j) {
      yi[j] = (xi[j] - mi) * ri * (w ? w[j] : T(1)) + (b ? b[j] : T(0));
    });
  });
}

template <unsigned threads, bool accumulate, class T>
VCELL_KERNEL void layer_norm_backward(const T* dy,  // (rows, columns)
                                      const T* x,   // (rows, columns)
                                      const T* w,   // (columns) or null
                                      const T* m,   // (rows)
                                      const T* r,   // (rows)
                                      T* dx,        // (rows, columns)
                                      size_t rows, size_t columns) {
  device::for_each_row<threads>(rows, [&](size_t i) {
    const T* xi = x + i * columns;
    const T* dyi = dy + i * columns;
    T* dxi = dx + i * columns;
    const T mi = m[i], ri = r[i];
    const auto g = [=](size_t j) { return w ? w[j] * dyi[j] : dyi[j]; };
    const T level = device::sum_row<threads, T>(columns, g) / T(columns);
    const T along =
        device::sum_row<threads, T>(columns, [=](size_t j) { return g(j) * (xi[j] - mi) * ri; }) /
        T(columns);
    device::for_each_column<threads>(columns, [=](size_t j) {
      device::put<accumulate>(dxi[j], ri * (g(j) - level - (xi[j] - mi) * ri * along));
    });
  });
}

/// What an element adds to the gradients of weight and bias.
struct LayerNormTerms {
  size_t columns;
  template <class T>
  __device__ std::array<T, 2> operator()(size_t i, size_t j, const T* dy, const T* x, const T* m,
                                         const T* r) const {
    const T g = dy[i * columns + j];
    return {g * (x[i * columns + j] - m[i]) * r[i], g};
  }
};

}  // namespace detail

template <>
struct LayerNorm<Cuda> {
  template <class T>
  static Status forward(const Context<Cuda>& context, View<const T, 2, Cuda> x,  // (rows, columns)
                        View<const T, 1, Cuda> w,  // (columns) or null
                        View<const T, 1, Cuda> b,  // (columns) or null
                        View<T, 2, Cuda> y,        // (rows, columns)
                        View<T, 1, Cuda> m,        // (rows), kept for backward
                        View<T, 1, Cuda> r,        // (rows), kept for backward
                        T epsilon) {
    const size_t rows = x.shape[0], columns = x.shape[1];
    if (rows == 0) return {};
    return device::with_row_threads(columns, [&](auto threads) {
      return device::launch(context, detail::layer_norm_forward<threads, T>,
                            device::grid_for_rows(rows, columns), dim3{device::row_threads}, x.data,
                            w.data, b.data, y.data, m.data, r.data, rows, columns, epsilon);
    });
  }

  template <class T>
  static size_t backward_scratch(const Context<Cuda>&, View<const T, 2, Cuda>,
                                 View<const T, 2, Cuda> x, View<const T, 1, Cuda>,
                                 View<const T, 1, Cuda>, View<const T, 1, Cuda>, Target<T, 2, Cuda>,
                                 Target<T, 1, Cuda> dw, Target<T, 1, Cuda> db) {
    return dw || db ? device::ColumnSums<T, 2>::bytes({1, x.shape[0], x.shape[1]}) : 0;
  }
  template <class T>
  static Status backward(const Context<Cuda>& context,
                         View<const T, 2, Cuda> dy,  // (rows, columns)
                         View<const T, 2, Cuda> x,   // (rows, columns)
                         View<const T, 1, Cuda> w,   // (columns) or null
                         View<const T, 1, Cuda> m,   // (rows)
                         View<const T, 1, Cuda> r,   // (rows)
                         Target<T, 2, Cuda> dx,      // (rows, columns)
                         Target<T, 1, Cuda> dw,      // (columns)
                         Target<T, 1, Cuda> db,      // (columns)
                         Scratch<Cuda> scratch) {
    const size_t rows = x.shape[0], columns = x.shape[1];
    if (dx && x.count()) {
      const Status started = device::with_row_threads(columns, [&](auto threads) {
        const auto function = dx.accumulate ? detail::layer_norm_backward<threads, true, T>
                                            : detail::layer_norm_backward<threads, false, T>;
        return device::launch(context, function, device::grid_for_rows(rows, columns),
                              dim3{device::row_threads}, dy.data, x.data, w.data, m.data, r.data,
                              dx.view.data, rows, columns);
      });
      if (!started.ok()) return started;
    }
    if (!dw && !db) return {};
    return device::ColumnSums<T, 2>::run(context, {1, rows, columns}, {dw, db}, scratch,
                                         detail::LayerNormTerms{columns}, dy.data, x.data, m.data,
                                         r.data);
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
