#pragma once

#include "vcell/kernels/argument.hpp"
#include "vcell/kernels/logistic.hpp"
#include "vcell/kernels/normal_distribution.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// x Phi(x), Phi the standard normal distribution function.
struct Gelu {
  template <class T>
  VCELL_IN_LOOPS T operator()(T x) const {
    return x * normal_distribution(x).distribution;
  }
  template <class T>
  VCELL_IN_LOOPS T derivative(Argument<0>, T x) const {
    const auto n = normal_distribution(x);
    // Far out the density is 0 and x may be infinite.
    return n.distribution + (n.density == T(0) ? T(0) : x * n.density);
  }
};

/// x / 2 (1 + tanh(u)), u = sqrt(2 / pi) (x + 0.044715 x^3): written as x s(2 u) with the logistic
/// function s.
struct GeluTanh {
  template <class T>
  VCELL_IN_LOOPS T operator()(T x) const {
    return x * Logistic<T>(twice_u(x)).s;
  }
  template <class T>
  VCELL_IN_LOOPS T derivative(Argument<0>, T x) const {
    const Logistic<T> l(twice_u(x));
    const T slope = T(1.5957691216057308) * (1 + T(0.134145) * x * x);
    const T flank = l.s * l.complement;
    return l.s + (flank == T(0) ? T(0) : x * flank * slope);
  }

 private:
  template <class T>
  VCELL_IN_LOOPS static T twice_u(T x) {
    return T(1.5957691216057308) * (x + T(0.044715) * x * x * x);
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
