#pragma once

#include "vcell/core/instantiate.hpp"
#include "vcell/ops/mean_error.hpp"

VCELL_BEGIN_NAMESPACE

/// Mean (or sum) over all elements of (x - y)^2.
///
/// @param x, y  the same shape, at least one element for the mean
/// @throws ShapeError if the shapes differ, or for the mean of nothing
template <class T, int rank, class Device>
Variable<T, 0, Device> mean_squared_error(const Variable<T, rank, Device>& x,
                                          const Variable<T, rank, Device>& y,
                                          Reduction reduction = Reduction::mean) {
  return detail::mean_error("mean_squared_error", kernel::SquaredError(), x, y, reduction);
}

/// The same of sets that are padded to one length: padding has no part in it.
///
/// @param x, y     (B, S, D)
/// @param lengths  (B) cells of each set, at least one in all for the mean; empty: S
template <class T, class Device>
Variable<T, 0, Device> mean_squared_error(const Variable<T, 3, Device>& x,
                                          const Variable<T, 3, Device>& y,
                                          const Variable<int32_t, 1, Device>& lengths,
                                          Reduction reduction = Reduction::mean) {
  return detail::mean_error("mean_squared_error", kernel::SquaredError(), x, y, lengths, reduction);
}

VCELL_INSTANTIATE(ops, Variable<float, 0> detail::error_in_sets(const char*, kernel::SquaredError,
                                                                const Variable<float, 1>&,
                                                                const Variable<float, 1>&,
                                                                const Shape<3>&,
                                                                const Variable<int32_t, 1>&, bool));

VCELL_INSTANTIATE(ops, Variable<float, 0> detail::error_in_sets(const char*, kernel::SquaredError,
                                                                const Variable<float, 2>&,
                                                                const Variable<float, 2>&,
                                                                const Shape<3>&,
                                                                const Variable<int32_t, 1>&, bool));

VCELL_INSTANTIATE(ops, Variable<float, 0> detail::error_in_sets(const char*, kernel::SquaredError,
                                                                const Variable<float, 3>&,
                                                                const Variable<float, 3>&,
                                                                const Shape<3>&,
                                                                const Variable<int32_t, 1>&, bool));

VCELL_END_NAMESPACE
