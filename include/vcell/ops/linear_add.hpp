#pragma once

#include "vcell/ops/linear.hpp"

VCELL_BEGIN_NAMESPACE

/// residual + x W^T + b on the last axis: one product that a backend ends with the sum.
///
/// @param residual  (..., out)
/// @param x         (..., in)
/// @param weight    (out, in)
/// @param bias      (out), or an empty variable for none
/// @return          (..., out)
/// @throws ShapeError as linear, or if residual has another shape than the result
template <class T, int rank, class Device>
Variable<T, rank, Device> linear_add(const Variable<T, rank, Device>& residual,
                                     const Variable<T, rank, Device>& x,
                                     const Variable<T, 2, Device>& weight,
                                     const Variable<T, 1, Device>& bias = {}) {
  const Shape<rank> shape = detail::linear_shape("linear_add", x, weight, bias);
  check_shape_match("linear_add", "shape of residual", residual.shape(), "shape of the product",
                    shape);
  auto y = Tensor<T, rank, Device>::uninitialized(shape);
  detail::linear_product("linear_add", kernel::EpilogueKind::bias_residual, x, weight, bias,
                         y.matrix(), {}, residual.value().matrix());
  return make_variable(
      std::move(y),
      [](auto dy, auto, const auto& added, const auto&... inputs) {
        detail::pull_copy("linear_add", dy, added.gradient_target());
        detail::pull_linear("linear_add", dy.matrix(), inputs...);
      },
      residual, x, weight, bias);
}

VCELL_INSTANTIATE(ops, Variable<float, 3> linear_add(const Variable<float, 3>&,
                                                     const Variable<float, 3>&,
                                                     const Variable<float, 2>&,
                                                     const Variable<float, 1>&));

VCELL_END_NAMESPACE
