#pragma once

#include "vcell/kernels/manhattan_distance.hpp"
#include "vcell/ops/set_discrepancy.hpp"

VCELL_BEGIN_NAMESPACE

/// What mean_pairwise is the mean of.
enum class PairDistance {
  euclidean,          ///< ||u - v||, gradient 0 at distance 0
  squared_euclidean,  ///< ||u - v||^2
  manhattan           ///< sum_c |u_c - v_c|, gradient 0 where they are equal
};

/// The mean distance between the cells of two sets, for every pair of sets: mean_ij d(x_i, y_j).
/// With x given twice each cell's distance to itself, 0, counts among them.
///
/// @param x  (B, S, D)
/// @param y  (B, T, D)
/// @param x_lengths, y_lengths  (B) cells of each set, where sets are padded to one length, at
///           least 1: what comes after them has no part in the result. Empty: all
/// @return   (B)
/// @throws ShapeError if B or D differ or a set is empty
template <class T, class Device>
Variable<T, 1, Device> mean_pairwise(const Variable<T, 3, Device>& x,
                                     const Variable<T, 3, Device>& y,
                                     PairDistance distance = PairDistance::euclidean,
                                     const Variable<int32_t, 1, Device>& x_lengths = {},
                                     const Variable<int32_t, 1, Device>& y_lengths = {}) {
  const auto mean_of = [&](const auto& function) {
    return detail::set_discrepancy("mean_pairwise", x, y, function, Variable<T, 1, Device>(),
                                   kernel::DiscrepancyForm::mean_across(), x_lengths, y_lengths);
  };
  if (distance == PairDistance::euclidean) return mean_of(kernel::EuclideanDistance{});
  if (distance == PairDistance::squared_euclidean) return mean_of(kernel::SquaredDistance{});
  detail::check_sets("mean_pairwise", x, y, x_lengths, y_lengths);
  auto e = Tensor<T, 1, Device>::uninitialized({x.shape(0)});
  kernel::forward<kernel::ManhattanDistance, Device>(
      "mean_pairwise", x.value(), y.value(), detail::set_lengths(x_lengths, y_lengths), e.view());
  return make_variable(
      std::move(e),
      [](auto g, auto, const auto& a, const auto& b, const auto& of_a, const auto& of_b) {
        with_targets(
            "mean_pairwise",
            [&](auto da, auto db) {
              kernel::backward<kernel::ManhattanDistance, Device>(
                  "mean_pairwise", g, a.value(), b.value(), detail::set_lengths(of_a, of_b), da,
                  db);
            },
            a, b);
      },
      x, y, x_lengths, y_lengths);
}

VCELL_END_NAMESPACE
