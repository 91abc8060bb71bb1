#pragma once

#include "vcell/core/cmath.hpp"
#include "vcell/core/device.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

// Stirling's series (Abramowitz & Stegun 1964, 6.1.40 and 6.3.18) without the terms that hold a
// logarithm; from 10 on, what is left out is below the rounding of the result.
constexpr int stirling_start = 10;

/// Of log gamma: 1/(12 z) - 1/(360 z^3) + ...
VCELL_HOST_DEVICE inline double stirling(double z) {
  const double r = 1 / z, s = r * r;
  return r *
         (1. / 12 -
          s * (1. / 360 - s * (1. / 1260 -
                               s * (1. / 1680 - s * (1. / 1188 - s * (691. / 360360 - s / 156))))));
}

/// Of the digamma function: -1/(12 z^2) + 1/(120 z^4) - ...
VCELL_HOST_DEVICE inline double stirling_slope(double z) {
  const double s = 1 / (z * z);
  return -s * (1. / 12 - s * (1. / 120 -
                              s * (1. / 252 -
                                   s * (1. / 240 - s * (1. / 132 - s * (691. / 32760 - s / 12))))));
}

}  // namespace detail

/// log gamma(x + k) - log gamma(x), for a whole k the logarithm of x (x + 1) ... (x + k - 1). Exact
/// to rounding where the two are so large and so close that subtracting them leaves nothing: x of
/// 1e7 and more. x > 0 and x + k > 0; not-a-number elsewhere, infinite where it overflows.
///
/// Both are moved up to x + 10 by the recurrence gamma(z + 1) = z gamma(z), where Stirling's series
/// needs 7 terms; the logarithms of its first terms are subtracted as one log1p(k / (x + 10)).
VCELL_HOST_DEVICE inline double log_gamma_difference(double x, double k) {
  if (k == 0 && x > 0) return 0;  // fused products would leave some of the rounding below
  double moved = 1;
  for (int i = 0; i < detail::stirling_start; ++i) moved *= (x + k + i) / (x + i);
  const double a = x + detail::stirling_start;
  return (a - 0.5) * std::log1p(k / a) + k * (std::log(a + k) - 1) +
         (detail::stirling(a + k) - detail::stirling(a)) - std::log(moved);
}

/// digamma(x + k) - digamma(x), its derivative by x; for a whole k the sum of 1 / (x + i) over
/// i = 0 .. k - 1. x > 0 and x + k > 0. The same way.
VCELL_HOST_DEVICE inline double digamma_difference(double x, double k) {
  if (k == 0 && x > 0) return 0;
  double moved = 0;
  for (int i = 0; i < detail::stirling_start; ++i) moved += k / ((x + i) * (x + k + i));
  const double a = x + detail::stirling_start;
  return moved + std::log1p(k / a) + 0.5 * k / (a * (a + k)) +
         (detail::stirling_slope(a + k) - detail::stirling_slope(a));
}

}  // namespace kernel
VCELL_END_NAMESPACE
