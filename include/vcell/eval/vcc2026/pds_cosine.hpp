#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/parallel_for_watched.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE
namespace vcc2026 {

namespace detail {

/// The rows with the columns that are left out set to 0, each divided by its length; rows of zeros
/// stay so.
template <class = void>
Tensor<double, 2> unit_rows(View<const double, 2> shifts, std::span<const uint8_t> is_left_out) {
  Tensor<double, 2> out({shifts.shape[0], shifts.shape[1]});
  for (size_t p = 0; p < shifts.shape[0]; ++p) {
    double squares = 0;
    for (size_t g = 0; g < shifts.shape[1]; ++g)
      if (!is_left_out[g]) {
        out(p, g) = shifts(p, g);
        squares += shifts(p, g) * shifts(p, g);
      }
    if (!(squares > 0)) continue;
    const double length = std::sqrt(squares);
    for (size_t g = 0; g < shifts.shape[1]; ++g) out(p, g) /= length;
  }
  return out;
}

/// sum a b, in lanes that a processor adds at once, of a fixed number.
template <class = void>
double dot_in_lanes(const double* a, const double* b, size_t n) {
  double lanes[8] = {};
  size_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (size_t k = 0; k < 8; ++k) lanes[k] += a[i + k] * b[i + k];
  double sum = 0;
  for (const double lane : lanes) sum += lane;
  for (; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace detail

/// How well each perturbation's predicted shift is told from those of the others by its direction:
/// 1 - k / (n - 1), where k of the n real shifts are nearer to it (by 1 - cosine) than its own,
/// those as near as its own counted by half; 1 where there is one perturbation. A shift of length 0
/// is at distance 1 of every other.
/// @param predicted, real  (n, genes) shifts of the same perturbations
/// @param is_left_out      (genes) 1: the column is not looked at, as those of all targets
/// @param progress         told of perturbations, and may stop
/// @throws ShapeError if the shapes differ; Stopped
template <class = void>
std::vector<double> pds_cosine(View<const double, 2> predicted, View<const double, 2> real,
                               std::span<const uint8_t> is_left_out,
                               const Progress& progress = {}) {
  check_shape_match("pds_cosine", "predicted", predicted.shape, "real", real.shape);
  check_size_match("pds_cosine", "genes", real.shape[1], "flags", is_left_out.size());
  const size_t n = real.shape[0], genes = real.shape[1];
  const auto a = detail::unit_rows(predicted, is_left_out),
             b = detail::unit_rows(real, is_left_out);
  std::vector<double> out(n, 1.0);
  const auto score = [&](size_t first, size_t last) {
    std::vector<double> distances(n);
    for (size_t p = first; p < last; ++p) {
      for (size_t q = 0; q < n; ++q)
        distances[q] = std::clamp(1 - detail::dot_in_lanes(a[p].data, b[q].data, genes), 0.0, 2.0);
      double k = -0.5;  // its own, which is as near as itself
      for (const double d : distances) k += d < distances[p] ? 1 : d == distances[p] ? 0.5 : 0;
      if (n > 1) out[p] = 1 - k / double(n - 1);
    }
  };
  parallel_for_watched(n, 1, score, progress, "discrimination");
  return out;
}

}  // namespace vcc2026
VCELL_END_NAMESPACE
