#pragma once

#include "vcell/core/philox.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/kernels/target.hpp"
#include "vcell/tensor/context.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// Dropout. Element i is kept when its own random number u[i] in [0, 1) is at least p:
///
///   y[i] = u[i] >= p ? x[i] / (1 - p) : 0        backward: dx[i] (+)= the same with dy[i]
///
/// u[4 b + w] is word w of philox(seed, (b, stream)): the mask is a function of its place, so it is
/// never stored and is the same on every device and for any number of threads.
template <class Device>
struct Dropout : Missing<Device> {};

template <>
struct Dropout<Cpu> {
  template <class T>
  static Status run(const Context<Cpu>& context, View<const T, 1> x, Target<T, 1> y, float p,
                    uint64_t seed, uint64_t stream) {
    if (!y) return {};
    const T scale = T(1) / (T(1) - T(p));
    const size_t n = x.shape[0];
    with_put(y.accumulate, [&](auto put) {
      parallel_for(context, (n + 3) / 4, 2048, [=](size_t begin, size_t end) {
        for (size_t b = begin; b < end; ++b) {
          const auto words = philox(seed, {b, stream});
          for (size_t w = 0; w < 4 && 4 * b + w < n; ++w) {
            const size_t i = 4 * b + w;
            put(y.view.data[i], unit_float(words[w]) >= p ? x.data[i] * scale : T(0));
          }
        }
      });
    });
    return {};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
