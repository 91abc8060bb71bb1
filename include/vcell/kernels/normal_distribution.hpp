#pragma once

#include "vcell/core/cmath.hpp"
#include "vcell/kernels/exponential.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// The standard normal's density exp(-x^2 / 2) / sqrt(2 pi) and distribution function at one point.
template <class T>
struct Normal {
  T density, distribution;
};

/// In double by the C library, to the last digits.
VCELL_HOST_DEVICE inline Normal<double> normal_distribution(double x) {
  return {std::exp(-0.5 * x * x) * 0.3989422804014327, 0.5 * std::erfc(x * -0.7071067811865476)};
}

/// In float without calls or branches, so that loops vectorise: the distribution within
/// 2.5e-7 (Abramowitz & Stegun 1964, 7.1.26, whose exponential is the density's as well).
VCELL_IN_LOOPS Normal<float> normal_distribution(float x) {
  const float e = exponential(-0.5f * x * x);
  const float z = (x < 0 ? -x : x) * 0.70710678f;
  const float t = 1 / (1 + 0.3275911f * z);
  const float tail =
      0.5f * e * t *
      (0.254829592f +
       t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
  return {e * 0.39894228f, x < 0 ? tail : 1 - tail};
}

}  // namespace kernel
VCELL_END_NAMESPACE
