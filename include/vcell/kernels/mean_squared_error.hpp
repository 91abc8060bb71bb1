#pragma once

#include "vcell/core/device.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/kernels/sum_in_pieces.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// w sum_i (x[i] - y[i])^2 on flat views of equal length, in double; w is 1 / n for the mean.
///
///   dx[i] += 2 w g (x[i] - y[i]),   dy[i] -= the same
///
/// A null gradient view is not wanted.
template <class Device>
struct MeanSquaredError {
  static_assert(sizeof(Device) == 0,
                "vcell: mean_squared_error has no kernel for this device in this translation unit: "
                "compile it with nvcc and include <vcell/cuda.cuh>");
};

template <>
struct MeanSquaredError<Cpu> {
  template <class T>
  static Status forward(View<const T, 1> x, View<const T, 1> y, double w, View<T, 0> out) {
    *out.data = T(w * sum_in_pieces(x.shape[0], [=](size_t i) {
                    const double d = double(x.data[i]) - double(y.data[i]);
                    return d * d;
                  }));
    return {};
  }
  template <class T>
  static Status backward(View<const T, 0> g, View<const T, 1> x, View<const T, 1> y, double w,
                         View<T, 1> dx, View<T, 1> dy) {
    const T factor = T(2 * w) * *g.data;
    const auto add = [=](View<T, 1> to, T sign) {
      if (!to) return;
      parallel_for(x.shape[0], 1 << 15, [&](size_t begin, size_t end) {
        for (size_t i = begin; i < end; ++i) to.data[i] += sign * factor * (x.data[i] - y.data[i]);
      });
    };
    add(dx, T(1));
    add(dy, T(-1));
    return {};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
