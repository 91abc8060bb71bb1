#pragma once

#include "vcell/autograd/variable.hpp"
#include "vcell/kernels/product.hpp"

VCELL_BEGIN_NAMESPACE

/// a * b, element by element.
/// @param a, b  the same shape
/// @throws ShapeError if the shapes differ
template <class T, int rank, class Device>
Variable<T, rank, Device> multiply(const Variable<T, rank, Device>& a,
                                   const Variable<T, rank, Device>& b) {
  check_shape_match("multiply", "shape of a", a.shape(), "shape of b", b.shape());
  auto y = Tensor<T, rank, Device>::uninitialized(a.shape());
  kernel::check_status("multiply", kernel::Product<Device>::run(a.value().flat(), b.value().flat(),
                                                                y.view().flat()));
  return make_variable(
      std::move(y),
      [a, b](View<const T, rank> dy) {
        if (const auto da = a.gradient())
          kernel::check_status("multiply", kernel::Product<Device>::accumulate(
                                               dy.flat(), b.value().flat(), da.flat()));
        if (const auto db = b.gradient())
          kernel::check_status("multiply", kernel::Product<Device>::accumulate(
                                               dy.flat(), a.value().flat(), db.flat()));
      },
      a, b);
}

VCELL_END_NAMESPACE
