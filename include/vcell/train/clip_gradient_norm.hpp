#pragma once

#include <algorithm>
#include <cmath>

#include "vcell/kernels/gradient_norm.hpp"
#include "vcell/nn/parameters.hpp"

VCELL_BEGIN_NAMESPACE

/// The Euclidean norm of all gradients taken as one vector, summed in double: gradients near the
/// largest float do not overflow, and the bytes are the same for any number of threads.
template <class T, class Device>
double gradient_norm(const Parameters<T, Device>& parameters) {
  double squares = 0;
  for (const auto& p : parameters.all())
    kernel::check_status("gradient_norm", kernel::GradientNorm<Device>::template add_squares<T>(
                                              p.flat.gradient(), squares));
  return std::sqrt(squares);
}

/// Scales all gradients by min(1, most / (norm + 1e-6)), so that their norm is at most `most` (as
/// torch.nn.utils.clip_grad_norm_ does). Gradients whose norm is not finite stay as they are: the
/// caller sees it from the result.
///
/// @param most  above 0; infinity only measures
/// @return      the norm before clipping
/// @throws ConfigError if most is not above 0
template <class T, class Device>
double clip_gradient_norm(const Parameters<T, Device>& parameters, double most) {
  check_positive("clip_gradient_norm", "most", most);
  const double norm = gradient_norm(parameters);
  const double factor = std::min(1.0, most / (norm + 1e-6));
  if (factor < 1 && std::isfinite(norm))
    for (const auto& p : parameters.all())
      kernel::check_status("clip_gradient_norm", kernel::GradientNorm<Device>::template scale<T>(
                                                     T(factor), p.flat.gradient()));
  return norm;
}

VCELL_END_NAMESPACE
