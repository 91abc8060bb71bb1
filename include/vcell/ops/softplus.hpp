#pragma once

#include "vcell/core/instantiate.hpp"
#include "vcell/kernels/softplus.hpp"
#include "vcell/ops/elementwise.hpp"

VCELL_BEGIN_NAMESPACE

struct SoftplusOptions {
  /// Added, so that nothing is smaller.
  double least = 0;
};

/// least + log(1 + exp(x)) (Dugas et al. 2000, "Incorporating second-order functional knowledge for
/// better option pricing"): a smooth relu. Any shape.
template <class T, int rank, class Device>
Variable<T, rank, Device> softplus(const Variable<T, rank, Device>& x,
                                   const SoftplusOptions& options = {}) {
  return detail::elementwise("softplus", kernel::Softplus<T>{T(options.least)}, x);
}

VCELL_INSTANTIATE(ops,
                  Variable<float, 3> softplus(const Variable<float, 3>&, const SoftplusOptions&));

VCELL_END_NAMESPACE
