#pragma once

#include "vcell/autograd/variable.hpp"
#include "vcell/kernels/energy_distance.hpp"

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
/// @return   (B)
/// @throws ShapeError if B or D differ or a set is empty; ConfigError if the floor is negative
template <class T, class Device>
Variable<T, 1, Device> energy_distance(const Variable<T, 3, Device>& x,
                                       const Variable<T, 3, Device>& y,
                                       const EnergyDistanceOptions& options = {}) {
  check_size_match("energy_distance", "sets of x", x.shape(0), "sets of y", y.shape(0));
  check_size_match("energy_distance", "last size of x", x.shape(2), "last size of y", y.shape(2));
  if (x.shape(1) == 0 || y.shape(1) == 0)
    throw ShapeError(message("energy_distance: ", x.shape(), " and ", y.shape(),
                             ": a set needs at least one cell"));
  if (!(options.floor_squared >= 0))
    throw ConfigError(message("energy_distance: floor_squared is ", options.floor_squared,
                              ", expected 0 or more"));
  const T floor = T(options.floor_squared);
  auto e = Tensor<T, 1, Device>::uninitialized({x.shape(0)});
  kernel::check_status("energy_distance", kernel::EnergyDistance<Device>::forward(
                                              x.value(), y.value(), e.view(), floor));
  return make_variable(
      std::move(e),
      [x, y, floor](View<const T, 1> g) {
        kernel::check_status("energy_distance",
                             kernel::EnergyDistance<Device>::backward(
                                 g, x.value(), y.value(), x.gradient(), y.gradient(), floor));
      },
      x, y);
}

VCELL_END_NAMESPACE
