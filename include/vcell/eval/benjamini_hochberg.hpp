#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "vcell/core/check.hpp"

VCELL_BEGIN_NAMESPACE

/// False discovery rates by Benjamini & Hochberg (1995): for the i-th smallest of n p-values (i
/// from 1), the least of p_j n / j over j >= i, at most 1. A p-value that is NaN counts as 1.
/// @param p    p-values
/// @param fdr  written, beside p
/// @throws ShapeError if the sizes differ
template <class = void>
void benjamini_hochberg(std::span<const double> p, std::span<double> fdr) {
  check_size_match("benjamini_hochberg", "size of p", p.size(), "size of fdr", fdr.size());
  std::vector<std::pair<double, uint32_t>> sorted(p.size());
  for (size_t i = 0; i < p.size(); ++i) sorted[i] = {std::isnan(p[i]) ? 1.0 : p[i], uint32_t(i)};
  std::sort(sorted.begin(), sorted.end());
  double least = 1;
  for (size_t i = p.size(); i-- > 0;) {
    least = std::min(least, sorted[i].first * double(p.size()) / double(i + 1));
    fdr[sorted[i].second] = least;
  }
}

VCELL_END_NAMESPACE
