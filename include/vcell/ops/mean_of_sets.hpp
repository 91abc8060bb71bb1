#pragma once

#include "vcell/ops/mean.hpp"
#include "vcell/ops/mean_error.hpp"

VCELL_BEGIN_NAMESPACE

/// The mean over all elements of sets that are padded to one length, whose padding has no part in
/// it.
///
/// @param x        (B, S, D), at least one element
/// @param lengths  (B) cells of each set, at least one in all; empty: S
/// @throws ShapeError
template <class T, class Device>
Variable<T, 0, Device> mean_of_sets(const Variable<T, 3, Device>& x,
                                    const Variable<int32_t, 1, Device>& lengths = {}) {
  if (!lengths) return mean(x);
  const Variable<T, 3, Device> zeros((Tensor<T, 3, Device>(x.shape())));
  return detail::mean_error("mean_of_sets", kernel::Difference(), x, zeros, lengths,
                            Reduction::mean);
}

VCELL_END_NAMESPACE
