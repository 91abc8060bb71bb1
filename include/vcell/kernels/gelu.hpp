#pragma once

#include "vcell/kernels/normal_distribution.hpp"

namespace vcell::inline VCELL_ABI::kernel {

/// x Phi(x), Phi the standard normal distribution function.
struct Gelu {
  template <class T>
  static T value(T x) {
    return x * normal_distribution(x).distribution;
  }
  template <class T>
  static T derivative(T x) {
    const auto n = normal_distribution(x);
    // Far out the density is 0 and x may be infinite.
    return n.distribution + (n.density == T(0) ? T(0) : x * n.density);
  }
};

/// x / 2 (1 + tanh(u)), u = sqrt(2 / pi) (x + 0.044715 x^3): written as x s(2 u) with the logistic
/// function s.
struct GeluTanh {
  template <class T>
  static T value(T x) {
    return x * logistic(x);
  }
  template <class T>
  static T derivative(T x) {
    const T s = logistic(x), slope = 2 * T(0.7978845608028654) * (1 + T(0.134145) * x * x);
    const T flank = s * (1 - s);
    return s + (flank == T(0) ? T(0) : x * flank * slope);
  }

 private:
  template <class T>
  static T logistic(T x) {
    const T u = T(0.7978845608028654) * (x + T(0.044715) * x * x * x);
    return 1 / (1 + exponential(-2 * u));
  }
};

}  // namespace vcell::inline VCELL_ABI::kernel
