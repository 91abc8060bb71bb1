#pragma once

#include "vcell/core/instantiate.hpp"
#include "vcell/kernels/elementwise.hpp"
#include "vcell/ops/linear.hpp"

VCELL_BEGIN_NAMESPACE

/// gelu(x W^T + b) (exact form, ops/gelu.hpp) on the last axis: one product that a backend ends
/// with the function.
///
/// @param x       (..., in)
/// @param weight  (out, in)
/// @param bias    (out), or an empty variable for none
/// @return        (..., out)
/// @throws ShapeError as linear
template <class T, int rank, class Device>
Variable<T, rank, Device> linear_gelu(const Variable<T, rank, Device>& x,
                                      const Variable<T, 2, Device>& weight,
                                      const Variable<T, 1, Device>& bias = {}) {
  const Shape<rank> shape = detail::linear_shape("linear_gelu", x, weight, bias);
  auto y = Tensor<T, rank, Device>::uninitialized(shape);
  Tensor<T, 2, Device> z;  // x W^T + b, then its gradient
  if (records(x, weight, bias)) z = Tensor<T, 2, Device>::uninitialized(y.matrix().shape);
  detail::linear_product("linear_gelu", kernel::EpilogueKind::bias_gelu, x, weight, bias,
                         y.matrix(), z.view());
  return make_variable(
      std::move(y),
      [z = std::move(z)](auto dy, auto, const auto&... inputs) mutable {
        const kernel::Target<T, 1, Device> dz{z.view().flat(), false};
        kernel::backward<kernel::Elementwise, Device>("linear_gelu", kernel::Gelu(),
                                                      kernel::Argument<0>(), dy.flat(), dz,
                                                      std::as_const(z).view().flat());
        detail::pull_linear("linear_gelu", std::as_const(z).view(), inputs...);
      },
      x, weight, bias);
}

VCELL_INSTANTIATE(ops, Variable<float, 2> linear_gelu(const Variable<float, 2>&,
                                                      const Variable<float, 2>&,
                                                      const Variable<float, 1>&));
VCELL_INSTANTIATE(ops, Variable<float, 3> linear_gelu(const Variable<float, 3>&,
                                                      const Variable<float, 2>&,
                                                      const Variable<float, 1>&));

VCELL_END_NAMESPACE
