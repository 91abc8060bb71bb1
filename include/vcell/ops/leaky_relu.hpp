#pragma once

#include "vcell/ops/elementwise.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// x above 0, else slope x; the derivative at 0 is the slope. Not-a-number stays so.
template <class T>
struct LeakyRelu {
  T slope;

  VCELL_HOST_DEVICE T operator()(T x) const { return x > 0 ? x : slope * x; }
  VCELL_HOST_DEVICE T derivative(Argument<0>, T x) const { return x > 0 ? T(1) : slope; }
};

}  // namespace kernel

struct LeakyReluOptions {
  /// What is left of numbers below 0.
  double slope = 0.01;
};

/// The leaky rectified linear unit (Maas, Hannun & Ng 2013, "Rectifier nonlinearities improve
/// neural network acoustic models", section 2): x above 0, else slope x. Any shape.
template <class T, int rank, class Device>
Variable<T, rank, Device> leaky_relu(const Variable<T, rank, Device>& x,
                                     const LeakyReluOptions& options = {}) {
  return detail::elementwise("leaky_relu", kernel::LeakyRelu<T>{T(options.slope)}, x);
}

VCELL_END_NAMESPACE
