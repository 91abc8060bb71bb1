#pragma once

#include <algorithm>

#include "vcell/kernels/status.hpp"
#include "vcell/kernels/target.hpp"
#include "vcell/tensor/context.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// Two axes of a tensor exchanged. What lies before, between and after them is collapsed to an axis
/// each:
///
///   y[o, b, m, a, i] (+)= x[o, a, m, b, i]
///
/// Views must not overlap. The pull-back is the same exchange of dy.
template <class Device>
struct SwapAxes : Missing<Device> {};

template <>
struct SwapAxes<Cpu> {
  template <class T>
  static Status run(const Context<Cpu>& context, View<const T, 5> x,  // (o, a, m, b, i)
                    Target<T, 5> y) {                                 // (o, b, m, a, i)
    const auto [outer, a, middle, b, inner] = x.shape;
    if (x.count() == 0) return {};
    const size_t rows = outer * b * middle, row = a * inner;
    const size_t grain = std::max<size_t>(1, (1 << 14) / row);
    with_put(y.accumulate, [&, a = a, middle = middle, b = b, inner = inner](auto put) {
      parallel_for(context, rows, grain, [=](size_t begin, size_t end) {
        for (size_t r = begin; r < end; ++r) {
          const size_t o = r / (b * middle), j = r / middle % b, m = r % middle;
          for (size_t i = 0; i < a; ++i) {
            const T* from = x.data + (((o * a + i) * middle + m) * b + j) * inner;
            T* to = y.view.data + r * row + i * inner;
            for (size_t k = 0; k < inner; ++k) put(to[k], from[k]);
          }
        }
      });
    });
    return {};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
