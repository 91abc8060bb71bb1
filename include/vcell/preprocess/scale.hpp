#pragma once

#include <algorithm>

#include "vcell/core/abi.hpp"
#include "vcell/core/cmath.hpp"

VCELL_BEGIN_NAMESPACE

/// What the values of X are.
enum class Scale {
  counts,  ///< molecules: whole numbers from 0
  log1p,   ///< log(1 + normalised counts), natural
};

/// No log1p value is greater: exp(30) is 1e13, more molecules than a cell has, whatever it was
/// normalised to.
constexpr double highest_log1p = 30;

/// Whether two totals that cells were normalised to are one, but for rounding.
inline bool same_target_sum(double a, double b) { return std::abs(a - b) <= 1e-6 * std::max(a, b); }

VCELL_END_NAMESPACE
