#pragma once

#include "vcell/autograd/make_variable.hpp"
#include "vcell/autograd/with_targets.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/kernels/mean.hpp"

VCELL_BEGIN_NAMESPACE

/// The mean of all elements. Any shape with at least one.
/// @throws ShapeError if there is none
template <class T, int rank, class Device>
Variable<T, 0, Device> mean(const Variable<T, rank, Device>& x) {
  if (x.count() == 0) throw ShapeError(message("mean: ", x.shape(), " has no elements"));
  auto out = Tensor<T, 0, Device>::uninitialized({});
  kernel::forward<kernel::Mean, Device>("mean", x.value().flat(), out.view());
  return make_variable(
      std::move(out),
      [](auto g, auto, const auto& in) {
        kernel::backward<kernel::Mean, Device>("mean", g, in.gradient_target().flat());
      },
      x);
}

VCELL_INSTANTIATE(ops, Variable<float, 0> mean(const Variable<float, 1>&));
VCELL_INSTANTIATE(ops, Variable<float, 0> mean(const Variable<float, 2>&));
VCELL_INSTANTIATE(ops, Variable<float, 0> mean(const Variable<float, 3>&));

VCELL_END_NAMESPACE
