#pragma once

#include "vcell/kernels/device/divide.cuh"
#include "vcell/kernels/device/pack.cuh"
#include "vcell/kernels/silu_gate.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

/// @tparam width  elements that are read at once, a divisor of n
template <unsigned width, class T>
VCELL_KERNEL void silu_gate_backward(const T* dy,  // (rows, n)
                                     const T* z,   // (rows, 2 n)
                                     T* dz,        // (rows, 2 n)
                                     size_t rows, size_t n) {
  constexpr device::Width<width> w;
  device::for_each(rows * (n / width), [&](size_t i) {
    const size_t row = device::divide(i, n / width);
    const size_t at_gate = i * width + row * n, at_up = at_gate + n;
    const auto dyi = device::load(w, dy + i * width);
    auto gate = device::load(w, z + at_gate);
    auto up = device::load(w, z + at_up);
    for (unsigned k = 0; k < width; ++k) {
      const T g = gate.v[k];
      const Logistic<T> l(g);
      gate.v[k] = dyi.v[k] * up.v[k] * (l.s * (1 + g * l.complement));
      up.v[k] = dyi.v[k] * (g * l.s);
    }
    device::store(w, dz + at_gate, gate);
    device::store(w, dz + at_up, up);
  });
}

}  // namespace detail

template <>
struct SiluGate<Cuda> {
  template <class T>
  static Status backward(const Context<Cuda>& context, View<const T, 2, Cuda> dy,  // (rows, n)
                         View<const T, 2, Cuda> z,                                 // (rows, 2 n)
                         View<T, 2, Cuda> dz) {                                    // (rows, 2 n)
    const auto [rows, n] = dy.shape;
    if (rows * n == 0) return {};
    constexpr unsigned full = device::full_width<T>;
    const bool packs = n % full == 0 && device::fit_packs(dy.data, z.data, dz.data);
    return device::launch(
        context, packs ? detail::silu_gate_backward<full, T> : detail::silu_gate_backward<1, T>,
        device::grid_for_each(rows * (packs ? n / full : n)), dim3{device::each_threads}, dy.data,
        z.data, dz.data, rows, n);
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
