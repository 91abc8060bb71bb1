#pragma once

#include <numbers>

#include "vcell/core/check.hpp"
#include "vcell/core/cmath.hpp"
#include "vcell/core/rng.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// log(k!), from 10 on by Stirling's series (error below 1e-10). std::lgamma writes a global, which
/// threads must not.
template <class = void>
double log_factorial(double k) {
  if (k < 10) {
    double product = 1;
    for (double i = 2; i <= k; ++i) product *= i;
    return std::log(product);
  }
  const double r = 1 / k, r2 = r * r;
  return (k + 0.5) * std::log(k) - k + 0.5 * std::log(2 * std::numbers::pi) +
         r * (1.0 / 12 - r2 * (1.0 / 360 - r2 / 1260));
}

/// Transformed rejection with squeeze (Hoermann 1993, doi:10.1016/0167-6687(93)90997-4, algorithm
/// PTRS), for means from 10 on.
template <class = void>
double sample_large_poisson(double mean, Rng& rng) {
  const double b = 0.931 + 2.53 * std::sqrt(mean), a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), squeeze = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const double u = rng.uniform() - 0.5, v = 1 - rng.uniform(), us = 0.5 - std::abs(u);
    const double k = std::floor((2 * a / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= squeeze) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    if (std::log(v * inverse_alpha / (a / (us * us) + b)) <=
        k * std::log(mean) - mean - log_factorial(k))
      return k;
  }
}

}  // namespace detail

/// A draw from the Poisson distribution, a whole number.
/// @param mean  in 0 .. 2^52
/// @throws ConfigError if it is not
template <class = void>
double sample_poisson(double mean, Rng& rng) {
  if (!(mean >= 0 && mean <= 0x1p52)) [[unlikely]]
    detail::fail<ConfigError>("sample_poisson: mean is ", mean, ", expected 0 .. 2^52");
  if (mean >= 10) return detail::sample_large_poisson(mean, rng);
  // Inversion: the first k at which the cumulated probability passes u. The bound, of a probability
  // far below that of any u, is for the round-off that may keep the sum from reaching it.
  double k = 0, term = std::exp(-mean);
  for (double u = rng.uniform(); u >= term && k < 200; term *= mean / k) {
    u -= term;
    ++k;
  }
  return k;
}

VCELL_END_NAMESPACE
