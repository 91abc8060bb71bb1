#pragma once

#include "vcell/core/device.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/tensor/view.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// y[i] += a x[i], on flat views of equal length. How a gradient passes through a sum, a slice or a
/// scale. Views must not overlap unless they are the same.
template <class Device>
struct Axpy {
  static_assert(sizeof(Device) == 0,
                "vcell: axpy has no kernel for this device in this translation unit: compile it "
                "with nvcc and include <vcell/cuda.cuh>");
};

template <>
struct Axpy<Cpu> {
  template <class T>
  static Status run(T a, View<const T, 1> x, View<T, 1> y) {  // (n), (n)
    parallel_for(x.shape[0], 1 << 15, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) y.data[i] += a * x.data[i];
    });
    return {};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
