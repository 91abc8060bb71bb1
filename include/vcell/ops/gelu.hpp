#pragma once

#include "vcell/core/instantiate.hpp"
#include "vcell/kernels/gelu.hpp"
#include "vcell/ops/elementwise.hpp"

VCELL_BEGIN_NAMESPACE

/// The Gaussian error linear unit x Phi(x), exact form (Hendrycks & Gimpel 2016, arXiv:1606.08415,
/// section 2). Any shape.
template <class T, int rank, class Device>
Variable<T, rank, Device> gelu(const Variable<T, rank, Device>& x) {
  return detail::elementwise("gelu", kernel::Gelu(), x);
}

/// Its approximation by a hyperbolic tangent (same source), as GPT-2 uses it. Any shape.
template <class T, int rank, class Device>
Variable<T, rank, Device> gelu_tanh(const Variable<T, rank, Device>& x) {
  return detail::elementwise("gelu_tanh", kernel::GeluTanh(), x);
}

VCELL_INSTANTIATE(ops, Variable<float, 2> gelu(const Variable<float, 2>&));
VCELL_INSTANTIATE(ops, Variable<float, 3> gelu(const Variable<float, 3>&));

VCELL_INSTANTIATE(ops, Variable<float, 2> gelu_tanh(const Variable<float, 2>&));
VCELL_INSTANTIATE(ops, Variable<float, 3> gelu_tanh(const Variable<float, 3>&));

VCELL_END_NAMESPACE
