#pragma once

#include "vcell/kernels/negative_binomial.hpp"
#include "vcell/ops/elementwise.hpp"

VCELL_BEGIN_NAMESPACE

struct NegativeBinomialOptions {
  /// Added to mu, to theta and to their sum where a logarithm is taken of them. 0: the likelihood
  /// itself; 1e-8: the form that single-cell models trained with it have (Lopez et al. 2018).
  double epsilon = 0;
};

/// The negative log likelihood of counts, each by itself, under negative binomial distributions of
/// mean mu and inverse dispersion theta (variance mu + mu^2 / theta; Poisson where theta is large):
///
///   -log( gamma(k + theta) / (gamma(theta) k!) (theta / (theta + mu))^theta (mu / (theta + mu))^k
///   )
///
/// Computed in double whatever the type, and without subtracting large logarithms of gamma
/// functions: exact to rounding for theta of 1e7 and more.
/// @param counts     k, at least 0; any shape
/// @param mu, theta  above 0, the same shape; what comes of others is infinite or not a number
/// @throws ShapeError if the shapes differ
template <class T, int rank, class Device>
Variable<T, rank, Device> negative_binomial_loss(const Variable<T, rank, Device>& counts,
                                                 const Variable<T, rank, Device>& mu,
                                                 const Variable<T, rank, Device>& theta,
                                                 const NegativeBinomialOptions& options = {}) {
  check_shape_match("negative_binomial_loss", "shape of counts", counts.shape(), "shape of mu",
                    mu.shape());
  check_shape_match("negative_binomial_loss", "shape of counts", counts.shape(), "shape of theta",
                    theta.shape());
  return detail::elementwise("negative_binomial_loss",
                             kernel::NegativeBinomialLoss{options.epsilon}, counts, mu, theta);
}

VCELL_END_NAMESPACE
