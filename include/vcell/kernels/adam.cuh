#pragma once

#include "vcell/kernels/adam.hpp"
#include "vcell/kernels/device/pack.cuh"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

template <unsigned width, class T>
VCELL_KERNEL void adam(AdamConstants c, const StepNumbers* numbers, const double* factor,
                       const T* gradient, T* value, T* first, T* second, size_t n) {
  if (factor && std::isnan(*factor)) return;
  const StepNumbers now = *numbers;
  const T l2 = T(c.l2), keep = T(1 - now.rate * c.decoupled), epsilon = T(c.epsilon);
  const T beta2 = T(c.beta2), rest1 = T(1 - c.beta1), rest2 = T(1 - c.beta2);
  const T step = T(now.rate / now.correction1), root2 = T(std::sqrt(now.correction2));
  const T share = factor ? T(*factor) : T(1);
  device::for_each_pack<width>(n, [&](auto w, size_t i) {
    const auto g = device::load(w, gradient + i);
    auto p = device::load(w, value + i);
    auto m = device::load(w, first + i);
    auto v = device::load(w, second + i);
    for (unsigned k = 0; k < w; ++k) {
      const T gk = share * g.v[k] + l2 * p.v[k];
      m.v[k] += rest1 * (gk - m.v[k]);
      v.v[k] = beta2 * v.v[k] + rest2 * (gk * gk);
      p.v[k] = keep * p.v[k] - step * m.v[k] / (std::sqrt(v.v[k]) / root2 + epsilon);
    }
    device::store(w, value + i, p);
    device::store(w, first + i, m);
    device::store(w, second + i, v);
  });
}

}  // namespace detail

/// One launch for all parameters, which are one arena; clipping is a factor that it reads.
template <>
struct Adam<Cuda> {
  template <class T>
  static Status run(const Context<Cuda>& context, const AdamConstants& c,
                    View<const StepNumbers, 0, Cuda> numbers, View<const double, 0, Cuda> factor,
                    View<const T, 1, Cuda> gradient, View<T, 1, Cuda> value, View<T, 1, Cuda> first,
                    View<T, 1, Cuda> second) {
    const size_t n = value.count();
    if (n == 0) return {};
    constexpr unsigned full = device::full_width<T>;
    const bool packs = device::fit_packs(gradient.data, value.data, first.data, second.data);
    return device::launch(context, packs ? detail::adam<full, T> : detail::adam<1, T>,
                          device::grid_for_each_pack(n, packs ? full : 1),
                          dim3{device::each_threads}, c, numbers.data, factor.data, gradient.data,
                          value.data, first.data, second.data, n);
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
