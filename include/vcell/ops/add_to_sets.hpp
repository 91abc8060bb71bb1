#pragma once

#include "vcell/autograd/variable.hpp"
#include "vcell/kernels/axpy.hpp"
#include "vcell/kernels/set_bias.hpp"

VCELL_BEGIN_NAMESPACE

/// Adds one vector to every cell of its set: what is constant over a set, such as its perturbation,
/// is encoded once and not once a cell.
///
/// @param x     (B, S, D)
/// @param bias  (B, D)
/// @return      (B, S, D): y[b, s, :] = x[b, s, :] + bias[b, :]
/// @throws ShapeError if B or D differ
template <class T, class Device>
Variable<T, 3, Device> add_to_sets(const Variable<T, 3, Device>& x,
                                   const Variable<T, 2, Device>& bias) {
  check_size_match("add_to_sets", "sets of x", x.shape(0), "rows of bias", bias.shape(0));
  check_size_match("add_to_sets", "last size of x", x.shape(2), "columns of bias", bias.shape(1));
  auto y = Tensor<T, 3, Device>::uninitialized(x.shape());
  kernel::check_status("add_to_sets",
                       kernel::SetBias<Device>::forward(x.value(), bias.value(), y.view()));
  return make_variable(
      std::move(y),
      [x, bias](View<const T, 3> dy) {
        if (const auto dx = x.gradient())
          kernel::check_status("add_to_sets",
                               kernel::Axpy<Device>::run(T(1), dy.flat(), dx.flat()));
        if (const auto dp = bias.gradient())
          kernel::check_status("add_to_sets", kernel::SetBias<Device>::backward(dy, dp));
      },
      x, bias);
}

VCELL_END_NAMESPACE
