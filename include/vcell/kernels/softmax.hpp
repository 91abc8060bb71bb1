#pragma once

#include "vcell/kernels/exponential.hpp"
#include "vcell/kernels/lanes.hpp"
#include "vcell/kernels/rows_at_a_time.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/kernels/target.hpp"
#include "vcell/tensor/context.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// Softmax of the rows of a matrix. Every device fulfils this contract:
///
///   y[i, j]   = exp(x[i, j] - m[i]) / sum_k exp(x[i, k] - m[i]),   m[i] = max_k x[i, k]
///
///   dx[i, j] (+)= y[i, j] (dy[i, j] - sum_k dy[i, k] y[i, k])
///
/// The largest entry is taken off first, so that no row overflows. An entry of -infinity gets 0, in
/// y and in dx. A row that has no softmax, because all of it is -infinity or because it holds
/// +infinity or not-a-number, becomes not-a-number. Views must not overlap, except that y may be x.
template <class Device>
struct Softmax : Missing<Device> {};

template <>
struct Softmax<Cpu> {
  template <class T>
  static Status forward(const Context<Cpu>& context, View<const T, 2> x,  // (rows, columns)
                        View<T, 2> y) {                                   // (rows, columns)
    const size_t rows = x.shape[0], columns = x.shape[1];
    parallel_for(context, rows, rows_at_a_time(columns), [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        const T* xi = x.data + i * columns;
        T* yi = y.data + i * columns;
        const T m = max_lanes<T>(columns, [=](size_t j) { return xi[j]; });
        for (size_t j = 0; j < columns; ++j) yi[j] = exponential(xi[j] - m);
        const T scale = 1 / sum_lanes<T>(columns, [=](size_t j) { return yi[j]; });
        for (size_t j = 0; j < columns; ++j) yi[j] *= scale;
      }
    });
    return {};
  }

  template <class T>
  static Status backward(const Context<Cpu>& context, View<const T, 2> dy,  // (rows, columns)
                         View<const T, 2> y,                                // (rows, columns)
                         Target<T, 2> dx) {                                 // (rows, columns)
    if (!dx) return {};
    const size_t rows = y.shape[0], columns = y.shape[1];
    with_put(dx.accumulate, [&](auto put) {
      parallel_for(context, rows, rows_at_a_time(columns), [&](size_t begin, size_t end) {
        for (size_t i = begin; i < end; ++i) {
          const T* dyi = dy.data + i * columns;
          const T* yi = y.data + i * columns;
          T* dxi = dx.view.data + i * columns;
          const T along = sum_lanes<T>(columns, [=](size_t j) { return dyi[j] * yi[j]; });
          for (size_t j = 0; j < columns; ++j) put(dxi[j], yi[j] * (dyi[j] - along));
        }
      });
    });
    return {};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
