#pragma once

#include "vcell/core/instantiate.hpp"
#include "vcell/ops/elementwise.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// max(x, 0); the derivative at 0 is 0. Not-a-number stays so.
struct Relu {
  template <class T>
  VCELL_HOST_DEVICE T operator()(T x) const {
    return x < 0 ? T(0) : x;
  }
  template <class T>
  VCELL_HOST_DEVICE T derivative(Argument<0>, T x) const {
    return x > 0 ? T(1) : T(0);
  }
};

}  // namespace kernel

/// max(x, 0), the rectified linear unit (Nair & Hinton 2010), derivative 0 at 0. Any shape.
template <class T, int rank, class Device>
Variable<T, rank, Device> relu(const Variable<T, rank, Device>& x) {
  return detail::elementwise("relu", kernel::Relu(), x);
}

VCELL_INSTANTIATE(ops, Variable<float, 2> relu(const Variable<float, 2>&));
VCELL_INSTANTIATE(ops, Variable<float, 3> relu(const Variable<float, 3>&));

VCELL_END_NAMESPACE
