#pragma once

#include "vcell/core/cmath.hpp"
#include "vcell/kernels/exponential.hpp"
#include "vcell/kernels/lanes.hpp"
#include "vcell/kernels/rows_at_a_time.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/kernels/target.hpp"
#include "vcell/tensor/context.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// The logarithm of the softmax of the rows of a matrix. Every device fulfils this contract:
///
///   y[i, j]   = (x[i, j] - m[i]) - log(sum_k exp(x[i, k] - m[i])),   m[i] = max_k x[i, k]
///
///   dx[i, j] (+)= dy[i, j] - exp(y[i, j]) sum_k dy[i, k]
///
/// The largest entry is taken off first, so that no row overflows. An entry of -infinity stays so.
/// A row that has no softmax (kernels/softmax.hpp) becomes not-a-number. Views must not overlap,
/// except that y may be x.
template <class Device>
struct LogSoftmax : Missing<Device> {};

template <>
struct LogSoftmax<Cpu> {
  template <class T>
  static Status forward(const Context<Cpu>& context, View<const T, 2> x,  // (rows, columns)
                        View<T, 2> y) {                                   // (rows, columns)
    const size_t rows = x.shape[0], columns = x.shape[1];
    parallel_for(context, rows, rows_at_a_time(columns), [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        const T* xi = x.data + i * columns;
        T* yi = y.data + i * columns;
        const T m = max_lanes<T>(columns, [=](size_t j) { return xi[j]; });
        const T log_sum =
            std::log(sum_lanes<T>(columns, [=](size_t j) { return exponential(xi[j] - m); }));
        for (size_t j = 0; j < columns; ++j) yi[j] = (xi[j] - m) - log_sum;
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
          const T sum = sum_lanes<T>(columns, [=](size_t j) { return dyi[j]; });
          for (size_t j = 0; j < columns; ++j) put(dxi[j], dyi[j] - exponential(yi[j]) * sum);
        }
      });
    });
    return {};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
