#pragma once

#include "vcell/kernels/device/each.cuh"
#include "vcell/kernels/elementwise.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

template <class F, class T, class... X>
VCELL_KERNEL void elementwise_forward(F f, size_t n, T* y, X... x) {
  device::for_each(n, [&](size_t i) { y[i] = f(x[i]...); });
}

template <int k, bool accumulate, class F, class T, class... X>
VCELL_KERNEL void elementwise_backward(F f, size_t n, const T* dy, T* dx, X... x) {
  device::for_each(n, [&](size_t i) {
    device::put<accumulate>(dx[i], dy[i] * f.derivative(Argument<k>(), x[i]...));
  });
}

}  // namespace detail

template <>
struct Elementwise<Cuda> {
  template <class F, class T, class... X>
  static Status forward(const Context<Cuda>& context, F f, View<T, 1, Cuda> y, const X&... x) {
    if (y.count() == 0) return {};
    void (*const function)(F, size_t, T*, decltype(x.data)...) = detail::elementwise_forward;
    return device::launch(context, function, device::grid_for_each(y.count()),
                          dim3{device::each_threads}, f, y.count(), y.data, x.data...);
  }
  template <class F, int k, class T, class... X>
  static Status backward(const Context<Cuda>& context, F f, Argument<k>, View<const T, 1, Cuda> dy,
                         Target<T, 1, Cuda> dx, const X&... x) {
    if (!dx || dy.count() == 0) return {};
    void (*function)(F, size_t, const T*, T*, decltype(x.data)...) =
        detail::elementwise_backward<k, false>;
    if (dx.accumulate) function = detail::elementwise_backward<k, true>;
    return device::launch(context, function, device::grid_for_each(dy.count()),
                          dim3{device::each_threads}, f, dy.count(), dy.data, dx.view.data,
                          x.data...);
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
