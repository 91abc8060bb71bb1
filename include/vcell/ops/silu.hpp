#pragma once

#include "vcell/core/instantiate.hpp"
#include "vcell/kernels/logistic.hpp"
#include "vcell/ops/elementwise.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// x s(x), s the logistic function.
struct Silu {
  template <class T>
  VCELL_HOST_DEVICE T operator()(T x) const {
    return x * Logistic<T>(x).s;
  }
  template <class T>
  VCELL_HOST_DEVICE T derivative(Argument<0>, T x) const {
    const Logistic<T> l(x);
    return l.s * (1 + x * l.complement);
  }
};

}  // namespace kernel

/// The sigmoid linear unit x / (1 + exp(-x)) (Elfwing, Uchibe, Doya 2017, arXiv:1702.03118,
/// eq. 5). Any shape.
template <class T, int rank, class Device>
Variable<T, rank, Device> silu(const Variable<T, rank, Device>& x) {
  return detail::elementwise("silu", kernel::Silu(), x);
}

VCELL_INSTANTIATE(ops, Variable<float, 2> silu(const Variable<float, 2>&));
VCELL_INSTANTIATE(ops, Variable<float, 3> silu(const Variable<float, 3>&));

VCELL_END_NAMESPACE
