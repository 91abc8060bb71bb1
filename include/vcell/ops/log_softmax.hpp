#pragma once

#include "vcell/kernels/log_softmax.hpp"
#include "vcell/ops/swap_axes.hpp"

VCELL_BEGIN_NAMESPACE

/// log(softmax(x)) along the last axis: x less the logarithm of sum(exp(x)), computed after the
/// largest entry is taken off, so that nothing overflows and no logarithm of 0 is taken. Entries of
/// -infinity stay so; a row of nothing else is not-a-number.
/// @param x  (..., columns)
template <class T, int rank, class Device>
Variable<T, rank, Device> log_softmax(const Variable<T, rank, Device>& x) {
  static_assert(rank >= 1, "vcell: log_softmax needs an axis to work on");
  auto y = Tensor<T, rank, Device>::uninitialized(x.shape());
  kernel::forward<kernel::LogSoftmax, Device>("log_softmax", x.value().matrix(), y.matrix());
  return make_variable(
      std::move(y),
      [](auto dy, auto value, const auto& in) {
        kernel::backward<kernel::LogSoftmax, Device>("log_softmax", dy.matrix(), value.matrix(),
                                                     in.gradient_target().matrix());
      },
      x);
}

/// The same along another axis, 0 .. rank - 1; one that is not the last costs two moves of x.
/// @throws ShapeError if there is no such axis
template <class T, int rank, class Device>
Variable<T, rank, Device> log_softmax(const Variable<T, rank, Device>& x, int axis) {
  check_index("log_softmax", "axis", axis, size_t(rank));
  return swap_axes(log_softmax(swap_axes(x, axis, rank - 1)), axis, rank - 1);
}

VCELL_END_NAMESPACE
