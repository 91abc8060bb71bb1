#pragma once

#include <algorithm>
#include <limits>
#include <span>

#include "vcell/core/check.hpp"
#include "vcell/core/cmath.hpp"

VCELL_BEGIN_NAMESPACE

namespace detail {

template <class T>
double pearson(std::span<const T> a, std::span<const T> b) {
  check_size_match("pearson", "size of a", a.size(), "size of b", b.size());
  const auto constant = [](std::span<const T> x) {
    return std::all_of(x.begin(), x.end(), [&](T v) { return v == x[0]; });
  };
  if (a.size() < 2 || constant(a) || constant(b)) return std::numeric_limits<double>::quiet_NaN();
  double mean_a = 0, mean_b = 0, aa = 0, bb = 0, ab = 0;
  for (const T x : a) mean_a += double(x);
  for (const T x : b) mean_b += double(x);
  mean_a /= double(a.size());
  mean_b /= double(b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = double(a[i]) - mean_a, y = double(b[i]) - mean_b;
    aa += x * x;
    bb += y * y;
    ab += x * y;
  }
  return std::clamp(ab / (std::sqrt(aa) * std::sqrt(bb)), -1.0, 1.0);
}

}  // namespace detail

/// Pearson's correlation of a and b, in [-1, 1], by sums in double; NaN when one of them is
/// constant or has fewer than two values.
/// @throws ShapeError if the sizes differ
template <class = void>
double pearson(std::span<const double> a, std::span<const double> b) {
  return detail::pearson(a, b);
}
/// The same of float values.
template <class = void>
double pearson(std::span<const float> a, std::span<const float> b) {
  return detail::pearson(a, b);
}

VCELL_END_NAMESPACE
