#pragma once

#include "vcell/core/instantiate.hpp"
#include "vcell/ops/elementwise.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// factor x
template <class T>
struct Scale {
  T factor;

  VCELL_HOST_DEVICE T operator()(T x) const { return factor * x; }
  VCELL_HOST_DEVICE T derivative(Argument<0>, T) const { return factor; }
};

}  // namespace kernel

/// factor * x. Any shape.
template <class T, int rank, class Device>
Variable<T, rank, Device> scale(const Variable<T, rank, Device>& x, double factor) {
  return detail::elementwise("scale", kernel::Scale<T>{T(factor)}, x);
}

VCELL_INSTANTIATE(ops, Variable<float, 0> scale(const Variable<float, 0>&, double));
VCELL_INSTANTIATE(ops, Variable<float, 1> scale(const Variable<float, 1>&, double));
VCELL_INSTANTIATE(ops, Variable<float, 2> scale(const Variable<float, 2>&, double));
VCELL_INSTANTIATE(ops, Variable<float, 3> scale(const Variable<float, 3>&, double));

VCELL_END_NAMESPACE
