#pragma once

#include "vcell/core/device.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/tensor/view.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// A function of one number, on every element. F is a type with
///
///   T value(T x)        y[i]   = value(x[i])
///   T derivative(T x)   dx[i] += dy[i] derivative(x[i])
///
/// templates of static members, free of branches where possible so that the loops vectorise. Views
/// are flat and of equal length; y may be x.
template <class Device>
struct Elementwise {
  static_assert(sizeof(Device) == 0,
                "vcell: this function has no kernel for this device in this translation unit: "
                "compile it with nvcc and include <vcell/cuda.cuh>");
};

template <>
struct Elementwise<Cpu> {
  static constexpr size_t grain = 1 << 13;

  template <class F, class T>
  static Status forward(View<const T, 1> x, View<T, 1> y) {
    parallel_for(x.shape[0], grain, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) y.data[i] = F::value(x.data[i]);
    });
    return {};
  }
  template <class F, class T>
  static Status backward(View<const T, 1> dy, View<const T, 1> x, View<T, 1> dx) {
    parallel_for(x.shape[0], grain, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) dx.data[i] += dy.data[i] * F::derivative(x.data[i]);
    });
    return {};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
