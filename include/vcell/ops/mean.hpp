#pragma once

#include "vcell/autograd/variable.hpp"
#include "vcell/kernels/mean.hpp"

VCELL_BEGIN_NAMESPACE

/// The mean of all elements. Any shape with at least one.
/// @throws ShapeError if there is none
template <class T, int rank, class Device>
Variable<T, 0, Device> mean(const Variable<T, rank, Device>& x) {
  if (x.count() == 0) throw ShapeError(message("mean: ", x.shape(), " has no elements"));
  auto out = Tensor<T, 0, Device>::uninitialized({});
  kernel::check_status("mean", kernel::Mean<Device>::forward(x.value().flat(), out.view()));
  return make_variable(
      std::move(out),
      [x](View<const T, 0> g) {
        kernel::check_status("mean", kernel::Mean<Device>::backward(g, x.gradient().flat()));
      },
      x);
}

VCELL_END_NAMESPACE
