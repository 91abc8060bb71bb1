#pragma once

#include "vcell/core/instantiate.hpp"
#include "vcell/ops/elementwise.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// a + b
struct Add {
  template <class T>
  VCELL_HOST_DEVICE T operator()(T a, T b) const {
    return a + b;
  }
  template <int k, class T>
  VCELL_HOST_DEVICE T derivative(Argument<k>, T, T) const {
    return T(1);
  }
};

}  // namespace kernel

/// a + b, element by element.
/// @param a, b  the same shape
/// @throws ShapeError if the shapes differ
template <class T, int rank, class Device>
Variable<T, rank, Device> add(const Variable<T, rank, Device>& a,
                              const Variable<T, rank, Device>& b) {
  check_shape_match("add", "shape of a", a.shape(), "shape of b", b.shape());
  return detail::elementwise("add", kernel::Add(), a, b);
}

VCELL_INSTANTIATE(ops,
                  Variable<float, 1> add(const Variable<float, 1>&, const Variable<float, 1>&));
VCELL_INSTANTIATE(ops,
                  Variable<float, 2> add(const Variable<float, 2>&, const Variable<float, 2>&));
VCELL_INSTANTIATE(ops,
                  Variable<float, 3> add(const Variable<float, 3>&, const Variable<float, 3>&));

VCELL_END_NAMESPACE
