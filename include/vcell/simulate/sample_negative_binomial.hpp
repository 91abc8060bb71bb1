#pragma once

#include "vcell/simulate/sample_gamma.hpp"
#include "vcell/simulate/sample_poisson.hpp"

VCELL_BEGIN_NAMESPACE

/// A draw from the negative binomial distribution with this mean and
///
///   variance = mean + dispersion mean^2
///
/// a Poisson draw whose own mean is gamma distributed; dispersion 0 is the Poisson distribution.
/// @throws ConfigError if mean or dispersion is below 0
template <class = void>
double sample_negative_binomial(double mean, double dispersion, Rng& rng) {
  if (!(mean >= 0 && dispersion >= 0)) [[unlikely]]
    detail::fail<ConfigError>("sample_negative_binomial: mean is ", mean, " and dispersion is ",
                              dispersion, ", expected numbers from 0");
  if (dispersion == 0 || mean == 0) return sample_poisson(mean, rng);
  return sample_poisson(mean * dispersion * sample_gamma(1 / dispersion, rng), rng);
}

VCELL_END_NAMESPACE
