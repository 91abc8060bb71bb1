#pragma once

#include "vcell/kernels/cross_entropy.hpp"
#include "vcell/kernels/device/rows.cuh"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

/// The same in every thread of the row.
template <unsigned threads, class T>
__device__ CrossEntropyRow<T> cross_entropy_row(const T* xi, size_t label, size_t classes) {
  CrossEntropyRow<T> row;
  row.largest = device::max_row<threads, T>(classes, [=](size_t j) { return xi[j]; });
  row.true_gap = row.largest - xi[label];
  row.true_part = std::exp(-row.true_gap);
  row.others = device::sum_row<threads, T>(classes, [=, m = row.largest](size_t j) {
    return j == label ? T(0) : T(std::exp(xi[j] - m));
  });
  return row;
}

template <unsigned threads, class T>
VCELL_KERNEL void cross_entropy_forward(const T* x,            // (rows, classes)
                                        const int32_t* label,  // (rows)
                                        T* y,                  // (rows)
                                        size_t rows, size_t classes) {
  device::for_each_row<threads>(rows, [&](size_t i) {
    const auto row = cross_entropy_row<threads>(x + i * classes, size_t(label[i]), classes);
    if (threadIdx.x % threads == 0) y[i] = row.value();
  });
}

template <unsigned threads, bool accumulate, class T>
VCELL_KERNEL void cross_entropy_backward(const T* dy,           // (rows)
                                         const T* x,            // (rows, classes)
                                         const int32_t* label,  // (rows)
                                         T* dx,                 // (rows, classes)
                                         size_t rows, size_t classes) {
  device::for_each_row<threads>(rows, [&](size_t i) {
    const T* xi = x + i * classes;
    T* dxi = dx + i * classes;
    const size_t l = size_t(label[i]);
    const auto row = cross_entropy_row<threads>(xi, l, classes);
    const T share = row.share(dy[i]);
    device::for_each_column<threads>(classes, [=](size_t j) {
      device::put<accumulate>(
          dxi[j], j == l ? row.gradient_of_label(share)
                         : row.gradient_of_other(share, T(std::exp(xi[j] - row.largest))));
    });
  });
}

}  // namespace detail

template <>
struct CrossEntropy<Cuda> {
  template <class T>
  static Status forward(const Context<Cuda>& context, View<const T, 2, Cuda> x,  // (rows, classes)
                        View<const int32_t, 1, Cuda> label,                      // (rows)
                        View<T, 1, Cuda> y) {                                    // (rows)
    if (x.count() == 0) return {};
    const size_t rows = x.shape[0], classes = x.shape[1];
    return device::with_row_threads(classes, [&](auto threads) {
      return device::launch(context, detail::cross_entropy_forward<threads, T>,
                            device::grid_for_rows(rows, classes), dim3{device::row_threads}, x.data,
                            label.data, y.data, rows, classes);
    });
  }

  template <class T>
  static Status backward(const Context<Cuda>& context, View<const T, 1, Cuda> dy,  // (rows)
                         View<const T, 2, Cuda> x,            // (rows, classes)
                         View<const int32_t, 1, Cuda> label,  // (rows)
                         Target<T, 2, Cuda> dx) {             // (rows, classes)
    if (!dx || x.count() == 0) return {};
    const size_t rows = x.shape[0], classes = x.shape[1];
    return device::with_row_threads(classes, [&](auto threads) {
      const auto function = dx.accumulate ? detail::cross_entropy_backward<threads, true, T>
                                          : detail::cross_entropy_backward<threads, false, T>;
      return device::launch(context, function, device::grid_for_rows(rows, classes),
                            dim3{device::row_threads}, dy.data, x.data, label.data, dx.view.data,
                            rows, classes);
    });
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
