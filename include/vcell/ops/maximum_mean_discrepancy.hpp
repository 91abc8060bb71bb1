#pragma once

#include <span>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/kernels/median_distance.hpp"
#include "vcell/ops/mmd_estimator.hpp"
#include "vcell/ops/set_discrepancy.hpp"

VCELL_BEGIN_NAMESPACE

/// The kernel of a maximum mean discrepancy, of cells at distance d.
enum class MmdKernel {
  rbf,       ///< exp(-d^2 / (2 sigma^2))
  laplacian  ///< exp(-d / sigma)
};

struct MaximumMeanDiscrepancyOptions {
  MmdKernel kernel = MmdKernel::rbf;
  /// Widths; the kernel is the sum of those with each. At least one, each above 0.
  std::vector<double> sigmas = {1};
  MmdEstimator estimator = MmdEstimator::biased;
  /// The widths are `sigmas` times the median distance of the batch: of all pairs of two cells of
  /// x and y together that are of the same pair of sets and not at the same place, the lower one of
  /// two in the middle. One number for the whole batch, and a constant for the gradient.
  bool median_heuristic = false;
};

/// The squared maximum mean discrepancy of every pair of sets, with a kernel k (Gretton et al.
/// 2012, "A kernel two-sample test", JMLR 13, lemma 6 and eq. 5; section 8 for the median
/// heuristic, where pairs at distance 0 are left out as in the code beside the paper):
///
///   mean_ij k(x_i, x_j) + mean_ij k(y_i, y_j) - 2 mean_ij k(x_i, y_j)
///
/// It is MMD^2: its root is a distance. geomloss's "gaussian" loss is half of the biased one with
/// sigma = blur. With the kernel -d, which is what the State paper calls its MMD, it would be twice
/// the energy distance: that is energy_distance.
///
/// The median takes memory for one number a pair of cells of the batch, B (S + T)^2 / 2 of them.
///
/// @param x  (B, S, D)
/// @param y  (B, T, D)
/// @param x_lengths, y_lengths  (B) cells of each set, where sets are padded to one length, at
///           least 1: what comes after them has no part in the result. Empty: all. The unbiased one
///           of a set whose length is 1 is not a number
/// @return   (B)
/// @throws ShapeError if B or D differ or a set is empty, or of one cell for the unbiased one;
///         ConfigError if there is no sigma, or one is not above 0 and finite
template <class T, class Device>
Variable<T, 1, Device> maximum_mean_discrepancy(
    const Variable<T, 3, Device>& x, const Variable<T, 3, Device>& y,
    const MaximumMeanDiscrepancyOptions& options = {},
    const Variable<int32_t, 1, Device>& x_lengths = {},
    const Variable<int32_t, 1, Device>& y_lengths = {}) {
  constexpr auto name = "maximum_mean_discrepancy";
  detail::check_sets(name, x, y, x_lengths, y_lengths);
  const bool is_biased = options.estimator == MmdEstimator::biased;
  if (!is_biased && (x.shape(1) == 1 || y.shape(1) == 1))
    throw ShapeError(message(name, ": ", x.shape(), " and ", y.shape(), ": the unbiased estimator ",
                             "needs two cells in a set; give more, or take the biased one"));
  if (options.sigmas.empty())
    throw ConfigError(message(name, ": there are no sigmas, expected at least one"));
  std::vector<T> widths;
  for (const double sigma : options.sigmas) {
    widths.push_back(T(sigma));
    if (!(sigma > 0 && std::isfinite(sigma) && widths.back() > 0 && std::isfinite(widths.back())))
      throw ConfigError(message(name, ": a sigma is ", sigma, ", expected above 0 and finite"));
  }
  Tensor<T, 1, Device> sigmas({widths.size()}, std::span<const T>(widths));
  if (options.median_heuristic)
    kernel::run<kernel::MedianDistance, Device>(
        name, x.value(), y.value(), detail::set_lengths(x_lengths, y_lengths), sigmas.view());
  const auto of = [&](const auto& function) {
    return detail::set_discrepancy(name, x, y, function, Variable<T, 1, Device>(std::move(sigmas)),
                                   kernel::DiscrepancyForm::squared_mmd(is_biased), x_lengths,
                                   y_lengths);
  };
  return options.kernel == MmdKernel::rbf ? of(kernel::GaussianKernel{})
                                          : of(kernel::LaplacianKernel{});
}

VCELL_INSTANTIATE(ops, Variable<float, 1> maximum_mean_discrepancy(
                           const Variable<float, 3>&, const Variable<float, 3>&,
                           const MaximumMeanDiscrepancyOptions&, const Variable<int32_t, 1>&,
                           const Variable<int32_t, 1>&));

VCELL_END_NAMESPACE
