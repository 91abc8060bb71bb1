#pragma once

#include "vcell/kernels/device/pack.cuh"
#include "vcell/kernels/running_average.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

template <unsigned width, class T>
VCELL_KERNEL void running_average(const StepNumbers* numbers, const double* factor, const T* value,
                                  T* average, size_t n) {
  if (factor && std::isnan(*factor)) return;
  const T share = T(1 - numbers->kept);
  device::for_each_pack<width>(n, [&](auto w, size_t i) {
    const auto v = device::load(w, value + i);
    auto a = device::load(w, average + i);
    for (unsigned k = 0; k < w; ++k) a.v[k] += share * (v.v[k] - a.v[k]);
    device::store(w, average + i, a);
  });
}

}  // namespace detail

template <>
struct RunningAverage<Cuda> {
  template <class T>
  static Status run(const Context<Cuda>& context, View<const StepNumbers, 0, Cuda> numbers,
                    View<const double, 0, Cuda> factor, View<const T, 1, Cuda> value,
                    View<T, 1, Cuda> average) {
    const size_t n = value.count();
    if (n == 0) return {};
    constexpr unsigned full = device::full_width<T>;
    const bool packs = device::fit_packs(value.data, average.data);
    return device::launch(
        context, packs ? detail::running_average<full, T> : detail::running_average<1, T>,
        device::grid_for_each_pack(n, packs ? full : 1), dim3{device::each_threads}, numbers.data,
        factor.data, value.data, average.data, n);
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
