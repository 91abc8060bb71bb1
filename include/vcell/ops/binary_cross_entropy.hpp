#pragma once

#include "vcell/core/cmath.hpp"
#include "vcell/kernels/logistic.hpp"
#include "vcell/ops/elementwise.hpp"
#include "vcell/ops/mean.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// -t log s(x) - (1 - t) log(1 - s(x)), s the logistic function.
struct BinaryCrossEntropy {
  template <class T>
  VCELL_HOST_DEVICE T operator()(T x, T t) const {
    return (x > 0 ? x : T(0)) - x * t + std::log1p(std::exp(x > 0 ? -x : x));
  }
  template <int k, class T>
  VCELL_HOST_DEVICE T derivative(Argument<k>, T x, T t) const {
    if constexpr (k == 1) return -x;
    const Logistic<T> l(x);
    return (1 - t) * l.s - t * l.complement;
  }
};

}  // namespace kernel

/// The mean over all elements of -t log s(x) - (1 - t) log(1 - s(x)), s the logistic function:
/// logits against targets, without overflow for logits of any size.
///
/// @param logits, targets  the same shape, at least one element; targets 0 .. 1
/// @throws ShapeError if the shapes differ or there is nothing
template <class T, int rank, class Device>
Variable<T, 0, Device> binary_cross_entropy(const Variable<T, rank, Device>& logits,
                                            const Variable<T, rank, Device>& targets) {
  check_shape_match("binary_cross_entropy", "shape of logits", logits.shape(), "shape of targets",
                    targets.shape());
  if (logits.count() == 0)
    throw ShapeError(
        message("binary_cross_entropy: ", logits.shape(), " has no elements, so no mean"));
  return mean(
      detail::elementwise("binary_cross_entropy", kernel::BinaryCrossEntropy(), logits, targets));
}

VCELL_END_NAMESPACE
