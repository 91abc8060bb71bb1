#pragma once

#include "vcell/core/instantiate.hpp"
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
  kernel::forward<kernel::Softmax, Device>("softmax", x.value().matrix(), y.matrix());
  return make_variable(
      std::move(y),
      [](auto dy, auto value, const auto& in) {
        kernel::backward<kernel::Softmax, Device>("softmax", dy.matrix(), value.matrix(),
                                                  in.gradient_target().matrix());
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

VCELL_INSTANTIATE(ops, Variable<float, 2> softmax(const Variable<float, 2>&));
VCELL_INSTANTIATE(ops, Variable<float, 3> softmax(const Variable<float, 3>&));

VCELL_END_NAMESPACE
