#pragma once

#include "vcell/core/device.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/kernels/sum_in_pieces.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// What clipping by norm takes: the sum of squares of a flat view, and scaling it in place.
template <class Device>
struct GradientNorm {
  static_assert(sizeof(Device) == 0,
                "vcell: gradient_norm has no kernel for this device in this translation unit: "
                "compile it with nvcc and include <vcell/cuda.cuh>");
};

template <>
struct GradientNorm<Cpu> {
  static constexpr size_t grain = 1 << 14;

  /// sum += sum_i x[i]^2, in double, piece by piece in order.
  template <class T>
  static Status add_squares(View<const T, 1> x, double& sum) {
    sum +=
        sum_in_pieces(x.shape[0], [=](size_t i) { return double(x.data[i]) * double(x.data[i]); });
    return {};
  }

  /// x[i] *= factor
  template <class T>
  static Status scale(T factor, View<T, 1> x) {
    parallel_for(x.shape[0], grain, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) x.data[i] *= factor;
    });
    return {};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
