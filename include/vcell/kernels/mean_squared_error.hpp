#pragma once

#include "vcell/core/device.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/tensor/view.hpp"

namespace vcell::inline VCELL_ABI::kernel {

/// w sum_i (x[i] - y[i])^2 on flat views of equal length, in order and in double:
///
///   dx[i] += 2 w g (x[i] - y[i]),   dy[i] -= the same
///
/// A null gradient view is not wanted.
template <class Device>
struct SquaredError {
  static_assert(sizeof(Device) == 0,
                "vcell: mean_squared_error has no kernel for this device in this translation unit: "
                "compile it with nvcc and include <vcell/cuda.cuh>");
};

template <>
struct SquaredError<Cpu> {
  template <class T>
  static Status forward(View<const T, 1> x, View<const T, 1> y, double w, View<T, 0> out) {
    double sum = 0;
    for (size_t i = 0; i < x.shape[0]; ++i) {
      const double d = double(x.data[i]) - double(y.data[i]);
      sum += d * d;
    }
    *out.data = T(w * sum);
    return {};
  }
  template <class T>
  static Status backward(View<const T, 0> g, View<const T, 1> x, View<const T, 1> y, double w,
                         View<T, 1> dx, View<T, 1> dy) {
    const T factor = T(2 * w) * *g.data;
    for (size_t i = 0; i < x.shape[0]; ++i) {
      const T d = factor * (x.data[i] - y.data[i]);
      if (dx) dx.data[i] += d;
      if (dy) dy.data[i] -= d;
    }
    return {};
  }
};

}  // namespace vcell::inline VCELL_ABI::kernel
