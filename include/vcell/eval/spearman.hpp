#pragma once

#include <algorithm>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include "vcell/eval/pearson.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The rank of each value from 1 on; equal values share the mean of theirs.
template <class T>
std::vector<double> average_ranks(std::span<const T> values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (size_t first = 0, last = 0; first < order.size(); first = last) {
    while (last < order.size() && values[order[last]] == values[order[first]]) ++last;
    for (size_t i = first; i < last; ++i) ranks[order[i]] = double(first + last + 1) / 2;
  }
  return ranks;
}

}  // namespace detail

/// Spearman's correlation: Pearson's of the ranks of a and b, equal values with the mean of their
/// ranks. NaN when one of them is constant, has fewer than two values or holds NaN.
/// @throws ShapeError if the sizes differ
template <class T>
double spearman(std::span<const T> a, std::span<const T> b) {
  check_size_match("spearman", "size of a", a.size(), "size of b", b.size());
  const auto is_nan = [](T x) { return x != x; };
  if (std::any_of(a.begin(), a.end(), is_nan) || std::any_of(b.begin(), b.end(), is_nan))
    return std::numeric_limits<double>::quiet_NaN();
  return pearson(detail::average_ranks(a), detail::average_ranks(b));
}

VCELL_END_NAMESPACE
