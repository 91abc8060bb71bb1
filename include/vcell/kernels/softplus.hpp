#pragma once

#include "vcell/core/cmath.hpp"
#include "vcell/kernels/argument.hpp"
#include "vcell/kernels/logistic.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// least + log(1 + exp(x)), written as max(x, 0) + log(1 + exp(-|x|)): nothing overflows, and far
/// below 0 the digits of exp(x) stay. Its derivative is the logistic function. Infinity gives
/// infinity, and minus infinity the least.
template <class T>
struct Softplus {
  T least;

  VCELL_IN_LOOPS T operator()(T x) const {
    return least + (x > 0 ? x : T(0)) + std::log1p(exponential(x > 0 ? -x : x));
  }
  VCELL_IN_LOOPS T derivative(Argument<0>, T x) const { return Logistic<T>(x).s; }
};

}  // namespace kernel
VCELL_END_NAMESPACE
