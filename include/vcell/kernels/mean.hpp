#pragma once

#include "vcell/core/device.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/tensor/view.hpp"

namespace vcell::inline VCELL_ABI::kernel {

/// out = sum_i x[i] / n, in order and in double;   dx[i] += g / n.
template <class Device>
struct Mean {
  static_assert(sizeof(Device) == 0,
                "vcell: mean has no kernel for this device in this translation unit: compile it "
                "with nvcc and include <vcell/cuda.cuh>");
};

template <>
struct Mean<Cpu> {
  template <class T>
  static Status forward(View<const T, 1> x, View<T, 0> out) {
    double sum = 0;
    for (const T v : x) sum += double(v);
    *out.data = T(sum / double(x.shape[0]));
    return {};
  }
  template <class T>
  static Status backward(View<const T, 0> g, View<T, 1> dx) {
    const T share = *g.data / T(dx.shape[0]);
    for (T& v : dx) v += share;
    return {};
  }
};

}  // namespace vcell::inline VCELL_ABI::kernel
