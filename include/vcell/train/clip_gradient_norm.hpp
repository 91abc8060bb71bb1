#pragma once

#include "vcell/core/cmath.hpp"
#include "vcell/kernels/check_step.hpp"
#include "vcell/kernels/elementwise.hpp"
#include "vcell/kernels/gradient_norm.hpp"
#include "vcell/kernels/launch.hpp"
#include "vcell/nn/parameters.hpp"
#include "vcell/ops/scale.hpp"

VCELL_BEGIN_NAMESPACE

/// The Euclidean norm of all gradients taken as one vector, summed in double: gradients near the
/// largest float do not overflow, and the bytes are the same for any number of threads. Waits for
/// the device.
template <class T, class Device>
double gradient_norm(const Parameters<T, Device>& parameters) {
  auto squares = Tensor<double, 0, Device>::uninitialized({});
  const View<const T, 1, Device> gradients = parameters.gradients();
  kernel::run<kernel::GradientNorm, Device>("gradient_norm", gradients, squares.view());
  return std::sqrt(to_host(squares.view())());
}

/// Scales all gradients by min(1, max_norm / (norm + 1e-6)), so that their norm is at most max_norm
/// (as torch.nn.utils.clip_grad_norm_ does). Gradients whose norm is not finite stay as they are:
/// the caller sees it from the result. Waits for the device; the trainer, which must not, clips
/// within the optimizer's step.
///
/// @param max_norm  above 0; infinity only measures
/// @return          the norm before clipping
/// @throws ConfigError if max_norm is not above 0
template <class T, class Device>
double clip_gradient_norm(const Parameters<T, Device>& parameters, double max_norm) {
  check_positive("clip_gradient_norm", "max_norm", max_norm);
  const double norm = gradient_norm(parameters);
  const double factor = kernel::clip_factor(norm, max_norm);
  const View<T, 1, Device> gradients = parameters.gradients();
  if (factor < 1 && std::isfinite(norm))
    kernel::forward<kernel::Elementwise, Device>("clip_gradient_norm", kernel::Scale<T>{T(factor)},
                                                 gradients, View<const T, 1, Device>(gradients));
  return norm;
}

VCELL_END_NAMESPACE
