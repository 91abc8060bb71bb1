#pragma once

#include "vcell/autograd/variable.hpp"
#include "vcell/kernels/mean_squared_error.hpp"

VCELL_BEGIN_NAMESPACE

/// How a loss over elements becomes one number.
enum class Reduction { mean, sum };

/// Mean (or sum) over all elements of (x - y)^2.
///
/// @param x, y  the same shape, at least one element for the mean
/// @throws ShapeError if the shapes differ, or for the mean of nothing
template <class T, int rank, class Device>
Variable<T, 0, Device> mean_squared_error(const Variable<T, rank, Device>& x,
                                          const Variable<T, rank, Device>& y,
                                          Reduction reduction = Reduction::mean) {
  check_shape_match("mean_squared_error", "shape of x", x.shape(), "shape of y", y.shape());
  if (reduction == Reduction::mean && x.count() == 0)
    throw ShapeError(message("mean_squared_error: ", x.shape(), " has no elements, so no mean"));
  const double w = reduction == Reduction::mean ? 1.0 / double(x.count()) : 1.0;
  auto out = Tensor<T, 0, Device>::uninitialized({});
  kernel::check_status(
      "mean_squared_error",
      kernel::MeanSquaredError<Device>::forward(x.value().flat(), y.value().flat(), w, out.view()));
  return make_variable(
      std::move(out),
      [x, y, w](View<const T, 0> g) {
        kernel::check_status("mean_squared_error", kernel::MeanSquaredError<Device>::backward(
                                                       g, x.value().flat(), y.value().flat(), w,
                                                       x.gradient().flat(), y.gradient().flat()));
      },
      x, y);
}

VCELL_END_NAMESPACE
