#pragma once

#include "vcell/core/device.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/kernels/lanes.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/tensor/tensor.hpp"

namespace vcell::inline VCELL_ABI::kernel {

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
    const size_t n = x.shape[0];
    auto pieces = Tensor<double, 1>::uninitialized({(n + grain - 1) / grain});
    parallel_for(n, grain, [&](size_t begin, size_t end) {
      pieces[begin / grain] = sum_lanes<double>(end - begin, [&](size_t i) {
        const double v = double(x.data[begin + i]);
        return v * v;
      });
    });
    for (const double piece : pieces.values()) sum += piece;
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

}  // namespace vcell::inline VCELL_ABI::kernel
