#pragma once

#include "vcell/core/philox.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/kernels/step_numbers.hpp"
#include "vcell/kernels/target.hpp"
#include "vcell/tensor/context.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// The stream of a layer's random numbers in a training step. The factor is odd: no two steps of a
/// layer share a stream.
VCELL_HOST_DEVICE inline uint64_t stream_at_step(uint64_t stream, uint64_t step) {
  return stream + step * 0x9E3779B97F4A7C15u;
}

/// Dropout. Element i is kept when its own random number u[i] in [0, 1) is at least p:
///
///   y[i] = u[i] >= p ? x[i] / (1 - p) : 0        backward: dx[i] (+)= the same with dy[i]
///
/// u[4 b + w] is word w of philox(seed, (b, s)), where s = stream_at_step(stream, numbers.step), or
/// stream where numbers are null: the mask is a function of its place, so it is never stored and is
/// the same on every device and for any number of threads.
template <class Device>
struct Dropout : Missing<Device> {};

template <>
struct Dropout<Cpu> {
  template <class T>
  static Status run(const Context<Cpu>& context, View<const T, 1> x, Target<T, 1> y, float p,
                    uint64_t seed, uint64_t stream, View<const StepNumbers, 0> numbers) {
    if (!y) return {};
    if (numbers) stream = stream_at_step(stream, numbers().step);
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
