// How far numbers are from those expected. What is not a number is infinitely far, where std::max
// would pass over it.
#pragma once

#include <algorithm>
#include <cmath>

namespace vcell_test {

/// The larger of the two; infinity if `error` is not a number.
inline double worse(double worst, double error) {
  return error <= worst ? worst : std::isnan(error) ? INFINITY : error;
}

/// max |x|, 0 of nothing.
template <class Numbers>
double largest_magnitude(const Numbers& x) {
  double largest = 0;
  for (const auto v : x) largest = worse(largest, std::abs(double(v)));
  return largest;
}

/// max |found - expected|; infinity if there is not one for each.
template <class Found, class Expected>
double largest_difference(const Found& found, const Expected& expected) {
  if (found.end() - found.begin() != expected.end() - expected.begin()) return INFINITY;
  double largest = 0;
  auto e = expected.begin();
  for (const auto f : found) largest = worse(largest, std::abs(double(f) - double(*e++)));
  return largest;
}

/// max |found - expected| / max |expected|; not divided where all are expected to be 0.
template <class Found, class Expected>
double relative_error(const Found& found, const Expected& expected) {
  const double scale = largest_magnitude(expected);
  return largest_difference(found, expected) / (scale > 0 ? scale : 1);
}

/// max |found - expected| / max(1, max |expected|)
template <class Found, class Expected>
double largest_error(const Found& found, const Expected& expected) {
  return largest_difference(found, expected) / std::max(1.0, largest_magnitude(expected));
}

}  // namespace vcell_test
