#pragma once

#include "vcell/autograd/make_variable.hpp"
#include "vcell/autograd/with_targets.hpp"
#include "vcell/core/instantiate.hpp"
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
  kernel::forward<kernel::RmsNorm, Device>("rms_norm", x.value().matrix(), weight.value(),
                                           y.matrix(), r.view(), T(options.epsilon));
  return make_variable(
      std::move(y),
      [r = std::move(r)](auto dy, auto, const auto& in, const auto& w) {
        with_targets(
            "rms_norm",
            [&](auto dx, auto dw) {
              kernel::backward<kernel::RmsNorm, Device>("rms_norm", dy.matrix(),
                                                        in.value().matrix(), w.value(), r.view(),
                                                        dx.matrix(), dw);
            },
            in, w);
      },
      x, weight);
}

VCELL_INSTANTIATE(ops,
                  Variable<float, 2> rms_norm(const Variable<float, 2>&, const Variable<float, 1>&,
                                              const RmsNormOptions&));
VCELL_INSTANTIATE(ops,
                  Variable<float, 3> rms_norm(const Variable<float, 3>&, const Variable<float, 1>&,
                                              const RmsNormOptions&));

VCELL_END_NAMESPACE
