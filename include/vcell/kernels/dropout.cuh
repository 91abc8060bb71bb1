#pragma once

#include "vcell/kernels/device/pack.cuh"
#include "vcell/kernels/dropout.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

/// A thread takes the four elements that one call of philox has numbers for.
/// @tparam width  elements that are read at once: 1, or as many as fill a pack
template <bool accumulate, unsigned width, class T>
VCELL_KERNEL void dropout(const T* x, T* y, size_t n, float p, T scale, uint64_t seed,
                          uint64_t stream, const StepNumbers* numbers) {
  if (numbers) stream = stream_at_step(stream, numbers->step);
  device::for_each(n / 4 + (n % 4 != 0), [&](size_t b) {
    const auto words = philox(seed, {b, stream});
    for (unsigned first = 0; first < 4; first += width) {
      const size_t i = 4 * b + first;
      const auto take = [&](auto w, unsigned from) {
        auto pack = device::load(w, x + i + from);
        for (unsigned k = 0; k < w; ++k)
          pack.v[k] = unit_float(words[first + from + k]) >= p ? pack.v[k] * scale : T(0);
        device::put<accumulate>(w, y + i + from, pack);
      };
      if (i + width <= n)
        take(device::Width<width>(), 0);
      else
        for (unsigned k = 0; k < width && i + k < n; ++k) take(device::Width<1>(), k);
    }
  });
}

}  // namespace detail

template <>
struct Dropout<Cuda> {
  template <class T>
  static Status run(const Context<Cuda>& context, View<const T, 1, Cuda> x, Target<T, 1, Cuda> y,
                    float p, uint64_t seed, uint64_t stream,
                    View<const StepNumbers, 0, Cuda> numbers) {
    const size_t n = x.count();
    if (!y || n == 0) return {};
    constexpr unsigned full = device::full_width<T>;
    const bool packs = device::fit_packs(x.data, static_cast<const T*>(y.view.data));
    const auto function = y.accumulate
                              ? packs ? detail::dropout<true, full, T> : detail::dropout<true, 1, T>
                          : packs ? detail::dropout<false, full, T>
                                  : detail::dropout<false, 1, T>;
    return device::launch(context, function, device::grid_for_each(n / 4 + (n % 4 != 0)),
                          dim3{device::each_threads}, x.data, y.view.data, n, p,
                          T(1) / (T(1) - T(p)), seed, stream, numbers.data);
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
