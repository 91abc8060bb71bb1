#pragma once

#include "vcell/core/device.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/tensor/view.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// One vector for all the cells of a set:
///
///   y[b, s, j]  = x[b, s, j] + p[b, j]        dp[b, j] += sum_s dy[b, s, j], s in order
template <class Device>
struct SetBias {
  static_assert(sizeof(Device) == 0,
                "vcell: add_to_sets has no kernel for this device in this translation unit: "
                "compile it with nvcc and include <vcell/cuda.cuh>");
};

template <>
struct SetBias<Cpu> {
  template <class T>
  static Status forward(View<const T, 3> x, View<const T, 2> p, View<T, 3> y) {
    const size_t s = x.shape[1], columns = x.shape[2];
    parallel_for(x.shape[0] * s, 64, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i)
        for (size_t j = 0; j < columns; ++j)
          y.data[i * columns + j] = x.data[i * columns + j] + p.data[i / s * columns + j];
    });
    return {};
  }
  template <class T>
  static Status backward(View<const T, 3> dy, View<T, 2> dp) {
    const size_t s = dy.shape[1], columns = dy.shape[2];
    parallel_for(dy.shape[0], 1, [&](size_t begin, size_t end) {
      for (size_t i = begin * s; i < end * s; ++i)
        for (size_t j = 0; j < columns; ++j)
          dp.data[i / s * columns + j] += dy.data[i * columns + j];
    });
    return {};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
