#pragma once

#include "vcell/kernels/device/divide.cuh"
#include "vcell/kernels/device/pack.cuh"
#include "vcell/kernels/swap_axes.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

/// The axes of x; those of y are (outer, b, middle, a, inner).
struct SwappedAxes {
  size_t outer, a, middle, b, inner;
};

/// Runs along the inner axis, of whole sectors of memory: each element by itself, side by side.
/// @tparam width  elements that are read at once, a divisor of inner
template <bool accumulate, unsigned width, class T>
VCELL_KERNEL void swap_axes_of_runs(const T* x, T* y, SwappedAxes axes) {
  const size_t run = axes.inner / width;
  device::for_each(axes.outer * axes.b * axes.middle * axes.a * run, [&](size_t i) {
    const size_t to_a = device::divide(i, run), to_m = device::divide(to_a, axes.a);
    const size_t to_b = device::divide(to_m, axes.middle), o = device::divide(to_b, axes.b);
    const size_t k = i - to_a * run, a = to_a - to_m * axes.a;
    const size_t m = to_m - to_b * axes.middle, b = to_b - o * axes.b;
    const size_t from = (((o * axes.a + a) * axes.middle + m) * axes.b + b) * run + k;
    constexpr device::Width<width> w;
    device::put<accumulate>(w, y + i * width, device::load(w, x + from * width));
  });
}

constexpr unsigned swap_axes_threads = 256;

/// What lies along the inner axis is shorter than a sector, so tiles of edge x edge such pieces are
/// exchanged in shared memory: x is read and y is written along its rows.
template <bool accumulate, class T>
VCELL_KERNEL void swap_axes_in_tiles(const T* x, T* y, SwappedAxes axes, unsigned edge) {
  VCELL_SHARED(T, tile, 32 * (256 / sizeof(T) + 1));
  const auto [outer, a, middle, b, inner] = axes;
  const unsigned n = unsigned(inner), stride = edge * n + 1;  // odd or so, against bank conflicts
  const size_t tiles_a = (a + edge - 1) / edge, tiles_b = (b + edge - 1) / edge;
  for (size_t t = blockIdx.x; t < outer * middle * tiles_a * tiles_b; t += gridDim.x) {
    const size_t matrix = t / (tiles_a * tiles_b), o = matrix / middle, m = matrix % middle;
    const size_t first_a = t / tiles_b % tiles_a * edge, first_b = t % tiles_b * edge;
    const unsigned rows = unsigned(a - first_a < edge ? a - first_a : edge);
    const unsigned columns = unsigned(b - first_b < edge ? b - first_b : edge);
    for (unsigned i = threadIdx.x; i < rows * columns * n; i += swap_axes_threads) {
      const unsigned row = i / (columns * n), along = i % (columns * n);
      tile[row * stride + along] =
          x[(((o * a + first_a + row) * middle + m) * b + first_b) * n + along];
    }
    __syncthreads();
    for (unsigned i = threadIdx.x; i < rows * columns * n; i += swap_axes_threads) {
      const unsigned column = i / (rows * n), along = i % (rows * n);
      const T value = tile[along / n * stride + column * n + along % n];
      device::put<accumulate>(
          y[(((o * b + first_b + column) * middle + m) * a + first_a) * n + along], value);
    }
    __syncthreads();  // nobody may write the next tile while another still reads this
  }
}

}  // namespace detail

template <>
struct SwapAxes<Cuda> {
  template <class T>
  static Status run(const Context<Cuda>& context, View<const T, 5, Cuda> x,  // (o, a, m, b, i)
                    Target<T, 5, Cuda> y) {                                  // (o, b, m, a, i)
    if (!y || x.count() == 0) return {};
    const auto [outer, a, middle, b, inner] = x.shape;
    const detail::SwappedAxes axes{outer, a, middle, b, inner};
    constexpr size_t sector = 32;  // bytes that memory gives at least
    if (inner * sizeof(T) < sector) {
      const unsigned edge = inner * sizeof(T) <= 8 ? 32 : 16;
      const size_t tiles = outer * middle * ((a + edge - 1) / edge) * ((b + edge - 1) / edge);
      return device::launch(
          context,
          y.accumulate ? detail::swap_axes_in_tiles<true, T> : detail::swap_axes_in_tiles<false, T>,
          device::grid_for(tiles), dim3{detail::swap_axes_threads}, x.data, y.view.data, axes,
          edge);
    }
    constexpr unsigned full = device::full_width<T>;
    const bool packs =
        inner % full == 0 && device::fit_packs(x.data, static_cast<const T*>(y.view.data));
    auto function =
        packs ? detail::swap_axes_of_runs<false, full, T> : detail::swap_axes_of_runs<false, 1, T>;
    if (y.accumulate)
      function =
          packs ? detail::swap_axes_of_runs<true, full, T> : detail::swap_axes_of_runs<true, 1, T>;
    return device::launch(context, function, device::grid_for_each(x.count() / (packs ? full : 1)),
                          dim3{device::each_threads}, x.data, y.view.data, axes);
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
