#pragma once

#include <limits>
#include <span>

#include "vcell/core/check.hpp"
#include "vcell/core/cmath.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The mean of f(a - b), in double; NaN without values.
template <class T, class F>
double mean_error(const char* function, std::span<const T> a, std::span<const T> b, F f) {
  check_size_match(function, "size of a", a.size(), "size of b", b.size());
  if (a.empty()) return std::numeric_limits<double>::quiet_NaN();
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += f(double(a[i]) - double(b[i]));
  return sum / double(a.size());
}

}  // namespace detail

/// The mean of |a - b|; NaN without values.
/// @throws ShapeError if the sizes differ
template <class = void>
double mean_absolute_error(std::span<const float> a, std::span<const float> b) {
  return detail::mean_error("mean_absolute_error", a, b, [](double d) { return std::abs(d); });
}

/// The mean of (a - b)^2; NaN without values.
/// @throws ShapeError if the sizes differ
template <class = void>
double mean_squared_error(std::span<const float> a, std::span<const float> b) {
  return detail::mean_error("mean_squared_error", a, b, [](double d) { return d * d; });
}

VCELL_END_NAMESPACE
