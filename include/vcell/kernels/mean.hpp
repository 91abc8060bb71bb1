#pragma once

#include "vcell/core/device.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/kernels/sum_in_pieces.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// out = sum_i x[i] / n, in double;   dx[i] += g / n.
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
    *out.data =
        T(sum_in_pieces(x.shape[0], [=](size_t i) { return x.data[i]; }) / double(x.shape[0]));
    return {};
  }
  template <class T>
  static Status backward(View<const T, 0> g, View<T, 1> dx) {
    const T share = *g.data / T(dx.shape[0]);
    parallel_for(dx.shape[0], 1 << 15, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) dx.data[i] += share;
    });
    return {};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
