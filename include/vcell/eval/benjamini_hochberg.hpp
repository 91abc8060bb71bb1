#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "vcell/core/check.hpp"
#include "vcell/core/cmath.hpp"
#include "vcell/eval/sort_keys.hpp"

VCELL_BEGIN_NAMESPACE

/// False discovery rates by Benjamini & Hochberg (1995): for the i-th smallest of n p-values (i
/// from 1), the least of p_j n / j over j >= i, at most 1. A p-value that is NaN counts as 1.
/// @param p    p-values
/// @param fdr  written, beside p
/// @throws ShapeError if the sizes differ
template <class = void>
void benjamini_hochberg(std::span<const double> p, std::span<double> fdr) {
  check_size_match("benjamini_hochberg", "size of p", p.size(), "size of fdr", fdr.size());
  const auto value = [p](uint64_t key) {
    const double x = p[uint32_t(key)];
    return std::isnan(x) ? 1.0 : x;
  };
  // By the upper half of their bits, and then those that have the same. Equal ones get one rate.
  std::vector<uint64_t> order(p.size()), scratch;
  for (size_t i = 0; i < p.size(); ++i) {
    const auto bits = std::bit_cast<uint64_t>(value(i) + 0.0);
    order[i] = (bits >> 63 ? ~bits : bits | uint64_t(1) << 63) >> 32 << 32 | i;
  }
  sort_keys(order, scratch);
  const auto is_less = [&](uint64_t a, uint64_t b) { return value(a) < value(b); };
  for (size_t first = 0, last; first < order.size(); first = last) {
    for (last = first + 1; last < order.size() && order[last] >> 32 == order[first] >> 32;) ++last;
    const auto begin = order.begin() + std::ptrdiff_t(first),
               end = order.begin() + std::ptrdiff_t(last);
    if (last - first > 1 && !std::is_sorted(begin, end, is_less)) std::sort(begin, end, is_less);
  }
  double least = 1;
  for (size_t i = p.size(); i-- > 0;) {
    least = std::min(least, value(order[i]) * double(p.size()) / double(i + 1));
    fdr[uint32_t(order[i])] = least;
  }
}

VCELL_END_NAMESPACE
