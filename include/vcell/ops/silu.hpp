#pragma once

#include "vcell/kernels/logistic.hpp"
#include "vcell/ops/elementwise.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// x s(x), s the logistic function.
struct Silu {
  template <class T>
  static T value(T x) {
    return x * Logistic<T>(x).s;
  }
  template <class T>
  static T derivative(T x) {
    const Logistic<T> l(x);
    return l.s * (1 + x * l.complement);
  }
};

}  // namespace kernel

/// The sigmoid linear unit x / (1 + exp(-x)) (Elfwing, Uchibe, Doya 2017, arXiv:1702.03118,
/// eq. 5). Any shape.
template <class T, int rank, class Device>
Variable<T, rank, Device> silu(const Variable<T, rank, Device>& x) {
  return detail::elementwise<kernel::Silu>(x);
}

VCELL_END_NAMESPACE
