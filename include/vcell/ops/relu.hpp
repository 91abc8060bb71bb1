#pragma once

#include "vcell/ops/elementwise.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// max(x, 0); the derivative at 0 is 0. Not-a-number stays so.
struct Relu {
  template <class T>
  static T value(T x) {
    return x < 0 ? T(0) : x;
  }
  template <class T>
  static T derivative(T x) {
    return x > 0 ? T(1) : T(0);
  }
};

}  // namespace kernel

/// max(x, 0), the rectified linear unit (Nair & Hinton 2010), derivative 0 at 0. Any shape.
template <class T, int rank, class Device>
Variable<T, rank, Device> relu(const Variable<T, rank, Device>& x) {
  return detail::elementwise<kernel::Relu>(x);
}

VCELL_END_NAMESPACE
