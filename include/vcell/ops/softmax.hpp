#pragma once

#include "vcell/kernels/softmax.hpp"
#include "vcell/ops/swap_axes.hpp"

VCELL_BEGIN_NAMESPACE

/// exp(x) / sum(exp(x)) along the last axis, computed after the largest entry is taken off, so that
/// nothing overflows. Entries of -infinity get 0; a row of nothing else is not-a-number.
/// @param x  (..., columns)
template <class T, int rank, class Device>
Variable<T, rank, Device> softmax(const Variable<T, rank, Device>& x) {
  static_assert(rank >= 1, "vcell: softmax needs an axis to work on");
  auto y = Tensor<T, rank, Device>::uninitialized(x.shape());
  kernel::check_status("softmax", kernel::Softmax<Device>::forward(x.value().matrix(), y.matrix()));
  if (!records(x)) return Variable<T, rank, Device>(std::move(y));
  Tensor<T, rank, Device> kept = y;
  return make_variable(
      std::move(y),
      [x, kept = std::move(kept)](View<const T, rank> dy) {
        kernel::check_status("softmax", kernel::Softmax<Device>::backward(
                                            dy.matrix(), kept.matrix(), x.gradient().matrix()));
      },
      x);
}

/// The same along another axis, 0 .. rank - 1; one that is not the last costs two moves of x.
/// @throws ShapeError if there is no such axis
template <class T, int rank, class Device>
Variable<T, rank, Device> softmax(const Variable<T, rank, Device>& x, int axis) {
  check_index("softmax", "axis", axis, size_t(rank));
  return swap_axes(softmax(swap_axes(x, axis, rank - 1)), axis, rank - 1);
}

VCELL_END_NAMESPACE
