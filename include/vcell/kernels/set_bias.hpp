#pragma once

#include <algorithm>

#include "vcell/kernels/status.hpp"
#include "vcell/kernels/target.hpp"
#include "vcell/tensor/context.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// One vector for all the cells of a set:
///
///   y[b, s, j]   = x[b, s, j] + p[b, j]       dp[b, j] (+)= sum_s dy[b, s, j], s in one order
///
/// y may be x.
template <class Device>
struct SetBias : Missing<Device> {};

template <>
struct SetBias<Cpu> {
  template <class T>
  static Status forward(const Context<Cpu>& context, View<const T, 3> x,  // (B, S, columns)
                        View<const T, 2> p,                               // (B, columns)
                        View<T, 3> y) {                                   // (B, S, columns)
    const size_t s = x.shape[1], columns = x.shape[2];
    parallel_for(context, x.shape[0] * s, 64, [=](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i)
        for (size_t j = 0; j < columns; ++j)
          y.data[i * columns + j] = x.data[i * columns + j] + p.data[i / s * columns + j];
    });
    return {};
  }
  template <class T>
  static Status backward(const Context<Cpu>& context, View<const T, 3> dy, Target<T, 2> dp) {
    if (!dp) return {};
    const size_t s = dy.shape[1], columns = dy.shape[2];
    parallel_for(context, dy.shape[0], 1, [=](size_t begin, size_t end) {
      for (size_t b = begin; b < end; ++b) {
        T* to = dp.view.data + b * columns;
        if (!dp.accumulate) std::fill_n(to, columns, T(0));
        for (size_t i = b * s; i < (b + 1) * s; ++i)
          for (size_t j = 0; j < columns; ++j) to[j] += dy.data[i * columns + j];
      }
    });
    return {};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
