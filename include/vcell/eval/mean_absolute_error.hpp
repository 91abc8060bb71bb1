#pragma once

#include <cmath>
#include <limits>
#include <span>

#include "vcell/core/check.hpp"

VCELL_BEGIN_NAMESPACE

/// The mean of |a - b|; NaN without values.
/// @throws ShapeError if the sizes differ
template <class = void>
double mean_absolute_error(std::span<const double> a, std::span<const double> b) {
  check_size_match("mean_absolute_error", "size of a", a.size(), "size of b", b.size());
  if (a.empty()) return std::numeric_limits<double>::quiet_NaN();
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += std::abs(a[i] - b[i]);
  return sum / double(a.size());
}

VCELL_END_NAMESPACE
