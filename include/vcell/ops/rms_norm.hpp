#pragma once

#include "vcell/autograd/variable.hpp"
#include "vcell/kernels/rms_norm.hpp"

VCELL_BEGIN_NAMESPACE

struct RmsNormOptions {
  /// Added to the mean square before the root; must be positive. 1e-6 is what the llama blocks of
  /// ST use.
  double epsilon = 1e-6;
};

/// Root-mean-square layer normalisation (Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4): the last
/// axis divided by the root of its mean square, then scaled by weight.
///
/// @param x       (..., columns)
/// @param weight  (columns)
/// @throws ShapeError if the size of weight is not the last size of x
template <class T, int rank, class Device>
Variable<T, rank, Device> rms_norm(const Variable<T, rank, Device>& x,
                                   const Variable<T, 1, Device>& weight,
                                   const RmsNormOptions& options = {}) {
  check_size_match("rms_norm", "last size of x", x.shape(rank - 1), "size of weight",
                   weight.shape(0));
  check_positive("rms_norm", "epsilon", options.epsilon);
  auto y = Tensor<T, rank, Device>::uninitialized(x.shape());
  auto r = Tensor<T, 1, Device>::uninitialized({x.value().matrix().shape[0]});
  kernel::check_status(
      "rms_norm", kernel::RmsNorm<Device>::forward(x.value().matrix(), weight.value(), y.matrix(),
                                                   r.view(), T(options.epsilon)));
  return make_variable(
      std::move(y),
      [x, weight, r = std::move(r)](View<const T, rank> dy) {
        kernel::check_status("rms_norm", kernel::RmsNorm<Device>::backward(
                                             dy.matrix(), x.value().matrix(), weight.value(),
                                             r.view(), x.gradient().matrix(), weight.gradient()));
      },
      x, weight);
}

VCELL_END_NAMESPACE
