#pragma once

#include "vcell/kernels/argument.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/kernels/target.hpp"
#include "vcell/tensor/context.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// A function of one or more numbers, on every element:
///
///   y[i]      = f(x0[i], x1[i], ...)
///   dxk[i] (+)= dy[i] df/dxk(x0[i], x1[i], ...)
///
/// f is a small object with operator()(T...) and derivative(Argument<k>, T...), both marked
/// VCELL_HOST_DEVICE and free of branches where possible so that the loops vectorise. Views are
/// flat and of equal length; y may be one of x, dxk may not.
template <class Device>
struct Elementwise : Missing<Device> {};

template <>
struct Elementwise<Cpu> {
  static constexpr size_t grain = 1 << 13;

  template <class F, class T, class... X>
  static Status forward(const Context<Cpu>& context, F f, View<T, 1> y, const X&... x) {
    parallel_for(context, y.shape[0], grain, [=](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) y.data[i] = f(x.data[i]...);
    });
    return {};
  }
  template <class F, int k, class T, class... X>
  static Status backward(const Context<Cpu>& context, F f, Argument<k> by, View<const T, 1> dy,
                         Target<T, 1> dx, const X&... x) {
    if (!dx) return {};
    with_put(dx.accumulate, [&](auto put) {
      parallel_for(context, dy.shape[0], grain, [=](size_t begin, size_t end) {
        for (size_t i = begin; i < end; ++i)
          put(dx.view.data[i], dy.data[i] * f.derivative(by, x.data[i]...));
      });
    });
    return {};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
