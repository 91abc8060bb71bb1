#pragma once

#include "vcell/autograd/variable.hpp"
#include "vcell/kernels/axpy.hpp"

VCELL_BEGIN_NAMESPACE

/// factor * x.
template <class T, int rank, class Device>
Variable<T, rank, Device> scale(const Variable<T, rank, Device>& x, double factor) {
  Tensor<T, rank, Device> y(x.shape());
  kernel::check_status("scale",
                       kernel::Axpy<Device>::run(T(factor), x.value().flat(), y.view().flat()));
  return make_variable(
      std::move(y),
      [x, factor](View<const T, rank> dy) {
        kernel::check_status("scale",
                             kernel::Axpy<Device>::run(T(factor), dy.flat(), x.gradient().flat()));
      },
      x);
}

VCELL_END_NAMESPACE
