#pragma once

#include <algorithm>

#include "vcell/core/device.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/tensor/view.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// Two axes of a tensor exchanged. What lies before, between and after them is collapsed to an axis
/// each:
///
///   y[o, b, m, a, i] = x[o, a, m, b, i]          or added: y[o, b, m, a, i] += x[o, a, m, b, i]
///
/// Views must not overlap. The pull-back is the same exchange of dy, added.
template <class Device>
struct SwapAxes {
  static_assert(sizeof(Device) == 0,
                "vcell: swap_axes has no kernel for this device in this translation unit: compile "
                "it with nvcc and include <vcell/cuda.cuh>");
};

template <>
struct SwapAxes<Cpu> {
  template <class T>
  static Status run(View<const T, 5> x, View<T, 5> y) {  // (o, a, m, b, i), (o, b, m, a, i)
    each(x, y, [](T& to, T from) { to = from; });
    return {};
  }
  template <class T>
  static Status accumulate(View<const T, 5> x, View<T, 5> y) {
    each(x, y, [](T& to, T from) { to += from; });
    return {};
  }

 private:
  template <class T, class F>
  static void each(View<const T, 5> x, View<T, 5> y, F f) {
    const auto [outer, a, middle, b, inner] = x.shape;
    if (x.count() == 0) return;
    const size_t rows = outer * b * middle, row = a * inner;
    const size_t grain = std::max<size_t>(1, (1 << 14) / row);
    parallel_for(rows, grain,
                 [=, a = a, middle = middle, b = b, inner = inner](size_t begin, size_t end) {
                   for (size_t r = begin; r < end; ++r) {
                     const size_t o = r / (b * middle), j = r / middle % b, m = r % middle;
                     for (size_t i = 0; i < a; ++i) {
                       const T* from = x.data + (((o * a + i) * middle + m) * b + j) * inner;
                       T* to = y.data + r * row + i * inner;
                       for (size_t k = 0; k < inner; ++k) f(to[k], from[k]);
                     }
                   }
                 });
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
