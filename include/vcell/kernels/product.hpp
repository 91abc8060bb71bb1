#pragma once

#include "vcell/core/device.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/tensor/view.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// Products element by element, on flat views of equal length:
///
///   y[i] = a[i] b[i]          or added: y[i] += a[i] b[i], which is also the pull-back
template <class Device>
struct Product {
  static_assert(sizeof(Device) == 0,
                "vcell: multiply has no kernel for this device in this translation unit: compile "
                "it with nvcc and include <vcell/cuda.cuh>");
};

template <>
struct Product<Cpu> {
  static constexpr size_t grain = 1 << 14;

  template <class T>
  static Status run(View<const T, 1> a, View<const T, 1> b, View<T, 1> y) {
    parallel_for(a.shape[0], grain, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) y.data[i] = a.data[i] * b.data[i];
    });
    return {};
  }
  template <class T>
  static Status accumulate(View<const T, 1> a, View<const T, 1> b, View<T, 1> y) {
    parallel_for(a.shape[0], grain, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) y.data[i] += a.data[i] * b.data[i];
    });
    return {};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
