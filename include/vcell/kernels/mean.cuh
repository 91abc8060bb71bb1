#pragma once

#include "vcell/kernels/device/each.cuh"
#include "vcell/kernels/device/sum_in_pieces.cuh"
#include "vcell/kernels/mean.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

struct MeanOf {
  size_t n;
  template <class T>
  __device__ double term(size_t i, const T* x, T*) const {
    return double(x[i]);
  }
  template <class T>
  __device__ void finish(double sum, const T*, T* out) const {
    if (threadIdx.x == 0) *out = T(sum / double(n));
  }
};

template <bool accumulate, class T>
VCELL_KERNEL void mean_backward(const T* g, T* dx, size_t n) {
  const T share = *g / T(n);
  device::for_each(n, [&](size_t i) { device::put<accumulate>(dx[i], share); });
}

}  // namespace detail

template <>
struct Mean<Cuda> {
  template <class T>
  static size_t forward_scratch(const Context<Cuda>&, View<const T, 1, Cuda> x, View<T, 0, Cuda>) {
    return device::SumInPieces::bytes(x.shape[0]);
  }
  template <class T>
  static Status forward(const Context<Cuda>& context, View<const T, 1, Cuda> x,
                        View<T, 0, Cuda> out, Scratch<Cuda> scratch) {
    const size_t n = x.shape[0];
    return device::SumInPieces::run(context, n, scratch, detail::MeanOf{n}, x.data, out.data);
  }
  template <class T>
  static Status backward(const Context<Cuda>& context, View<const T, 0, Cuda> g,
                         Target<T, 1, Cuda> dx) {
    const size_t n = dx.view.shape[0];
    if (!dx || n == 0) return {};
    return device::launch(
        context, dx.accumulate ? detail::mean_backward<true, T> : detail::mean_backward<false, T>,
        device::grid_for_each(n), dim3{device::each_threads}, g.data, dx.view.data, n);
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
