#pragma once

#include "vcell/core/cmath.hpp"
#include "vcell/ops/rms_norm.hpp"
#include "vcell/tensor/copy.hpp"

VCELL_BEGIN_NAMESPACE

/// The last axis divided by its Euclidean length: x / sqrt(sum(x^2) + 1e-24), so zeros stay zeros.
/// @param x  (..., columns)
template <class T, int rank, class Device>
Variable<T, rank, Device> l2_normalize(const Variable<T, rank, Device>& x) {
  static_assert(rank >= 1, "vcell: l2_normalize needs an axis to work on");
  const size_t columns = x.shape(rank - 1);
  if (columns == 0) return x;
  // The length is the root of the mean square times sqrt(columns).
  Tensor<T, 1> share({columns});
  std::fill_n(share.data(), columns, T(1 / std::sqrt(double(columns))));
  return rms_norm(x, Variable<T, 1, Device>(to_device<Device>(std::move(share))),
                  {1e-24 / double(columns)});
}

VCELL_END_NAMESPACE
