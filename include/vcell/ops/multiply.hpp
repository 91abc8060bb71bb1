#pragma once

#include "vcell/core/instantiate.hpp"
#include "vcell/ops/elementwise.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// a b
struct Multiply {
  template <class T>
  VCELL_HOST_DEVICE T operator()(T a, T b) const {
    return a * b;
  }
  template <int k, class T>
  VCELL_HOST_DEVICE T derivative(Argument<k>, T a, T b) const {
    return k == 0 ? b : a;
  }
};

}  // namespace kernel

/// a * b, element by element.
/// @param a, b  the same shape
/// @throws ShapeError if the shapes differ
template <class T, int rank, class Device>
Variable<T, rank, Device> multiply(const Variable<T, rank, Device>& a,
                                   const Variable<T, rank, Device>& b) {
  check_shape_match("multiply", "shape of a", a.shape(), "shape of b", b.shape());
  return detail::elementwise("multiply", kernel::Multiply(), a, b);
}

VCELL_INSTANTIATE(ops, Variable<float, 1> multiply(const Variable<float, 1>&,
                                                   const Variable<float, 1>&));
VCELL_INSTANTIATE(ops, Variable<float, 2> multiply(const Variable<float, 2>&,
                                                   const Variable<float, 2>&));
VCELL_INSTANTIATE(ops, Variable<float, 3> multiply(const Variable<float, 3>&,
                                                   const Variable<float, 3>&));

VCELL_END_NAMESPACE
