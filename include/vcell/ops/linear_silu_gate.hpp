#pragma once

#include "vcell/core/instantiate.hpp"
#include "vcell/kernels/silu_gate.hpp"
#include "vcell/ops/linear.hpp"

VCELL_BEGIN_NAMESPACE

/// silu(g) u of the two halves (g, u) of x W^T + b, the gated linear unit SwiGLU (Shazeer 2020,
/// arXiv:2002.05202, eq. 6): one product that a backend ends with the function.
///
/// @param x       (..., in)
/// @param weight  (2 out, in): the rows of the gate, then those of what it gates
/// @param bias    (2 out), or an empty variable for none
/// @return        (..., out)
/// @throws ShapeError as linear, or if the rows of weight are odd
template <class T, int rank, class Device>
Variable<T, rank, Device> linear_silu_gate(const Variable<T, rank, Device>& x,
                                           const Variable<T, 2, Device>& weight,
                                           const Variable<T, 1, Device>& bias = {}) {
  Shape<rank> shape = detail::linear_shape("linear_silu_gate", x, weight, bias);
  if (shape[rank - 1] % 2)
    detail::fail<ShapeError>("linear_silu_gate: weight ", weight.shape(),
                             ", expected an even number of rows: gate and gated");
  shape[rank - 1] /= 2;
  auto y = Tensor<T, rank, Device>::uninitialized(shape);
  Tensor<T, 2, Device> z;  // x W^T + b, then its gradient
  const Shape<2> twice{y.matrix().shape[0], 2 * y.matrix().shape[1]};
  if (records(x, weight, bias)) z = Tensor<T, 2, Device>::uninitialized(twice);
  detail::linear_product("linear_silu_gate", kernel::EpilogueKind::silu_gate, x, weight, bias,
                         y.matrix(), z.view());
  return make_variable(
      std::move(y),
      [z = std::move(z)](auto dy, auto, const auto&... inputs) mutable {
        kernel::backward<kernel::SiluGate, Device>("linear_silu_gate", dy.matrix(),
                                                   std::as_const(z).view(), z.view());
        detail::pull_linear("linear_silu_gate", std::as_const(z).view(), inputs...);
      },
      x, weight, bias);
}

VCELL_INSTANTIATE(ops, Variable<float, 2> linear_silu_gate(const Variable<float, 2>&,
                                                           const Variable<float, 2>&,
                                                           const Variable<float, 1>&));
VCELL_INSTANTIATE(ops, Variable<float, 3> linear_silu_gate(const Variable<float, 3>&,
                                                           const Variable<float, 2>&,
                                                           const Variable<float, 1>&));

VCELL_END_NAMESPACE
