#pragma once

#include "vcell/kernels/argument.hpp"
#include "vcell/kernels/gamma_difference.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// The negative log likelihood of a count k under the negative binomial distribution of mean mu and
/// inverse dispersion theta, e added to what logarithms are taken of:
///
///   theta log(1 + mu / (theta + e)) + k log(1 + theta / (mu + e)) + log gamma(k + 1)
///                                                    - (log gamma(k + theta) - log gamma(theta))
///
/// The first two are -theta log((theta + e) / n) and -k log((mu + e) / n) with n = theta + mu + e.
/// Everything is computed in double. A count of 0 is possible at mu = 0, and nothing else. The
/// logarithms of gamma functions are differences over the smaller of k and theta: neither large
/// counts nor a large theta cost digits.
struct NegativeBinomialLoss {
  double e;

  template <class T>
  VCELL_HOST_DEVICE T operator()(T count, T mean, T dispersion) const {
    const double k = count, mu = mean, theta = dispersion;
    const double hits = k == 0 ? 0 : k * std::log1p(theta / (mu + e));
    const double ways = theta < k ? std::log1p(k / theta) + log_gamma_difference(1, theta) -
                                        log_gamma_difference(k + 1, theta)
                                  : log_gamma_difference(1, k) - log_gamma_difference(theta, k);
    return T(theta * std::log1p(mu / (theta + e)) + hits + ways);
  }

  /// By the count, as if it were any number.
  template <class T>
  VCELL_HOST_DEVICE T derivative(Argument<0>, T count, T mean, T dispersion) const {
    const double k = count, mu = mean, theta = dispersion;
    return T(std::log1p(theta / (mu + e)) - digamma_difference(k + 1, theta) + 1 / (k + theta));
  }
  template <class T>
  VCELL_HOST_DEVICE T derivative(Argument<1>, T count, T mean, T dispersion) const {
    const double k = count, mu = mean, theta = dispersion, n = theta + mu + e;
    return T(k == 0 ? theta / n : theta * (mu + e - k) / ((mu + e) * n));
  }
  template <class T>
  VCELL_HOST_DEVICE T derivative(Argument<2>, T count, T mean, T dispersion) const {
    const double k = count, mu = mean, theta = dispersion, n = theta + mu + e;
    return T(std::log1p(mu / (theta + e)) - theta * mu / ((theta + e) * n) + k / n -
             digamma_difference(theta, k));
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
