#pragma once

#include "vcell/core/check.hpp"
#include "vcell/core/cmath.hpp"
#include "vcell/core/rng.hpp"

VCELL_BEGIN_NAMESPACE

/// A draw from the gamma distribution with mean `shape` and scale 1 (Marsaglia & Tsang 2000,
/// doi:10.1145/358407.358414; shapes below 1 by their section 6).
/// @param shape  above 0, finite
/// @throws ConfigError if it is not
template <class = void>
double sample_gamma(double shape, Rng& rng) {
  if (!(shape > 0 && std::isfinite(shape))) [[unlikely]]
    detail::fail<ConfigError>("sample_gamma: shape is ", shape, ", expected a number above 0");
  if (shape < 1) {
    const double x = sample_gamma(shape + 1, rng);
    return x * std::pow(1 - rng.uniform(), 1 / shape);
  }
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = rng.normal(), root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root, u = 1 - rng.uniform();  // u in (0, 1]
    if (std::log(u) < 0.5 * x * x + d * (1 - v + std::log(v))) return d * v;
  }
}

VCELL_END_NAMESPACE
