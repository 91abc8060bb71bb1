#pragma once

#include "vcell/core/instantiate.hpp"
#include "vcell/ops/set_discrepancy.hpp"

VCELL_BEGIN_NAMESPACE

struct EnergyDistanceOptions {
  /// Least squared distance of a pair; pairs below it count as that far apart and have gradient 0.
  /// 0 is exact. 1e-8 is what geomloss does, and so the State reference.
  double floor_squared = 0;
};

/// The energy distance of every pair of sets (Szekely & Rizzo 2013, doi:10.1016/j.jspi.2013.03.018,
/// eq. 2.5, halved): with uniform weights and Euclidean distances,
///
///   mean_ij ||x_i - y_j|| - 1/2 mean_ij ||x_i - x_j|| - 1/2 mean_ij ||y_i - y_j||
///
/// diagonals included. It is half of MMD^2 with the kernel k(u, v) = -||u - v||, which is what the
/// State paper calls its MMD loss. Zero exactly when the sets are the same; the gradient of a pair
/// at distance 0 is 0.
///
/// @param x  (B, S, D)
/// @param y  (B, T, D)
/// @param x_lengths, y_lengths  (B) cells of each set, where sets are padded to one length, at
///           least 1: what comes after them has no part in the result. Empty: all
/// @return   (B)
/// @throws ShapeError if B or D differ or a set is empty; ConfigError if the floor is negative
template <class T, class Device>
Variable<T, 1, Device> energy_distance(const Variable<T, 3, Device>& x,
                                       const Variable<T, 3, Device>& y,
                                       const EnergyDistanceOptions& options = {},
                                       const Variable<int32_t, 1, Device>& x_lengths = {},
                                       const Variable<int32_t, 1, Device>& y_lengths = {}) {
  if (!(options.floor_squared >= 0))
    throw ConfigError(message("energy_distance: floor_squared is ", options.floor_squared,
                              ", expected 0 or more"));
  return detail::set_discrepancy(
      "energy_distance", x, y, kernel::EuclideanDistance{options.floor_squared},
      Variable<T, 1, Device>(), kernel::DiscrepancyForm::energy(), x_lengths, y_lengths);
}

VCELL_INSTANTIATE(ops, Variable<float, 1> energy_distance(const Variable<float, 3>&,
                                                          const Variable<float, 3>&,
                                                          const EnergyDistanceOptions&,
                                                          const Variable<int32_t, 1>&,
                                                          const Variable<int32_t, 1>&));

VCELL_END_NAMESPACE
