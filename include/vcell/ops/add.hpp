#pragma once

#include "vcell/autograd/variable.hpp"
#include "vcell/kernels/axpy.hpp"

VCELL_BEGIN_NAMESPACE

/// a + b, element by element.
/// @param a, b  the same shape
/// @throws ShapeError if the shapes differ
template <class T, int rank, class Device>
Variable<T, rank, Device> add(const Variable<T, rank, Device>& a,
                              const Variable<T, rank, Device>& b) {
  check_shape_match("add", "shape of a", a.shape(), "shape of b", b.shape());
  auto y = Tensor<T, rank, Device>::uninitialized(a.shape());
  Memory<Device>::copy(y.data(), a.value().data, a.count() * sizeof(T));
  kernel::check_status("add", kernel::Axpy<Device>::run(T(1), b.value().flat(), y.view().flat()));
  return make_variable(
      std::move(y),
      [a, b](View<const T, rank> dy) {
        for (const auto* input : {&a, &b})
          if (const auto dx = input->gradient())
            kernel::check_status("add", kernel::Axpy<Device>::run(T(1), dy.flat(), dx.flat()));
      },
      a, b);
}

VCELL_END_NAMESPACE
