#pragma once

#include "vcell/ops/elementwise.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

template <class T>
struct Plus {
  T number;

  VCELL_HOST_DEVICE T operator()(T x) const { return x + number; }
  VCELL_HOST_DEVICE T derivative(Argument<0>, T) const { return T(1); }
};

}  // namespace kernel

/// x + a number. Any shape, and whole numbers too, such as the lengths of sets.
template <class T, int rank, class Device>
Variable<T, rank, Device> plus(const Variable<T, rank, Device>& x, T number) {
  return detail::elementwise("plus", kernel::Plus<T>{number}, x);
}

VCELL_END_NAMESPACE
