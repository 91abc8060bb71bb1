#pragma once

#include "vcell/kernels/device/divide.cuh"
#include "vcell/kernels/device/pack.cuh"
#include "vcell/kernels/device/sum_in_pieces.cuh"
#include "vcell/kernels/mean_error.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

/// Sets of rows, of which the first lengths[set] take part; without lengths all do.
template <bool padded>
struct ErrorSets {
  size_t sets, rows, columns;
  bool mean;

  __device__ bool is_real(size_t i, const int32_t* lengths) const {
    if constexpr (padded) {
      const size_t row = device::divide(i, columns), set = device::divide(row, rows);
      return row - set * rows < size_t(lengths[set]);
    } else {
      return true;
    }
  }
  /// What sums are multiplied by. Called by all threads of a block, each gets it.
  __device__ double weight(const int32_t* lengths) const {
    if (!mean) return 1;
    uint64_t count = sets * rows;
    if constexpr (padded) {
      count = 0;
      for (size_t b = threadIdx.x; b < sets; b += device::each_threads) count += size_t(lengths[b]);
      count = device::block_reduce<device::each_threads>(count, device::Sum{});
    }
    return 1 / double(count * columns);
  }
};

template <class F, bool padded>
struct ErrorOf {
  F f;
  ErrorSets<padded> at;

  template <class T>
  __device__ double term(size_t i, const T* x, const T* y, const int32_t* lengths, T*) const {
    return at.is_real(i, lengths) ? f.value(double(x[i]) - double(y[i])) : 0.0;
  }
  template <class T>
  __device__ void finish(double sum, const T*, const T*, const int32_t* lengths, T* out) const {
    static_assert(device::SumInPieces::threads == device::each_threads);
    const double weight = at.weight(lengths);
    if (threadIdx.x == 0) *out = T(weight * sum);
  }
};

/// @tparam width  elements that are read at once; no pack lies in two rows where there is padding
template <bool accumulate, unsigned width, class F, bool padded, class T>
VCELL_KERNEL void mean_error_backward(F f, ErrorSets<padded> at, T sign, const T* g, const T* x,
                                      const T* y, const int32_t* lengths, T* to) {
  const T factor = T(at.weight(lengths)) * *g * sign;
  device::for_each_pack<width>(at.sets * at.rows * at.columns, [&](auto w, size_t i) {
    device::Pack<T, decltype(w)::value> out{};
    if (at.is_real(i, lengths)) {
      const auto xi = device::load(w, x + i), yi = device::load(w, y + i);
      for (unsigned k = 0; k < w; ++k) out.v[k] = factor * f.slope(xi.v[k] - yi.v[k]);
    }
    device::put<accumulate>(w, to + i, out);
  });
}

}  // namespace detail

template <>
struct MeanError<Cuda> {
  template <class F, class T>
  static size_t forward_scratch(const Context<Cuda>&, F, View<const T, 3, Cuda> x,
                                View<const T, 3, Cuda>, View<const int32_t, 1, Cuda>, bool,
                                View<T, 0, Cuda>) {
    return device::SumInPieces::bytes(x.count());
  }
  template <class F, class T>
  static Status forward(const Context<Cuda>& context, F f, View<const T, 3, Cuda> x,
                        View<const T, 3, Cuda> y, View<const int32_t, 1, Cuda> lengths, bool mean,
                        View<T, 0, Cuda> out, Scratch<Cuda> scratch) {
    return with_sets(x.shape, lengths, mean, [&]<bool padded>(detail::ErrorSets<padded> at) {
      return device::SumInPieces::run(context, x.count(), scratch,
                                      detail::ErrorOf<F, padded>{f, at}, x.data, y.data,
                                      lengths.data, out.data);
    });
  }

  template <class F, class T>
  static Status backward(const Context<Cuda>& context, F f, View<const T, 0, Cuda> g,
                         View<const T, 3, Cuda> x, View<const T, 3, Cuda> y,
                         View<const int32_t, 1, Cuda> lengths, bool mean, Target<T, 3, Cuda> dx,
                         Target<T, 3, Cuda> dy) {
    if (x.count() == 0) return {};
    return with_sets(x.shape, lengths, mean, [&]<bool padded>(detail::ErrorSets<padded> at) {
      const Status done = pull(context, f, at, T(1), g.data, x.data, y.data, lengths.data, dx);
      if (!done.ok()) return done;
      return pull(context, f, at, T(-1), g.data, x.data, y.data, lengths.data, dy);
    });
  }

 private:
  template <class Run>
  static Status with_sets(const Shape<3>& shape, View<const int32_t, 1, Cuda> lengths, bool mean,
                          Run run) {
    if (lengths) return run(detail::ErrorSets<true>{shape[0], shape[1], shape[2], mean});
    return run(detail::ErrorSets<false>{shape[0], shape[1], shape[2], mean});
  }

  template <class F, bool padded, class T>
  static Status pull(const Context<Cuda>& context, F f, detail::ErrorSets<padded> at, T sign,
                     const T* g, const T* x, const T* y, const int32_t* lengths,
                     Target<T, 3, Cuda> to) {
    if (!to) return {};
    constexpr unsigned full = device::full_width<T>;
    const bool packs = (!padded || at.columns % full == 0) &&
                       device::fit_packs(x, y, static_cast<const T*>(to.view.data));
    void (*function)(F, detail::ErrorSets<padded>, T, const T*, const T*, const T*, const int32_t*,
                     T*) = detail::mean_error_backward<false, 1>;
    if (packs)
      function = to.accumulate ? detail::mean_error_backward<true, full, F, padded, T>
                               : detail::mean_error_backward<false, full, F, padded, T>;
    else if (to.accumulate)
      function = detail::mean_error_backward<true, 1>;
    return device::launch(context, function,
                          device::grid_for_each_pack(to.view.count(), packs ? full : 1),
                          dim3{device::each_threads}, f, at, sign, g, x, y, lengths, to.view.data);
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
