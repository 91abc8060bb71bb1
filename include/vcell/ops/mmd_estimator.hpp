#pragma once

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE

/// How a maximum mean discrepancy takes its means within a set.
enum class MmdEstimator {
  biased,   ///< the V-statistic: of all pairs, each cell with itself among them; never negative
  unbiased  ///< the U-statistic: of pairs of two cells; a set needs two
};

VCELL_END_NAMESPACE
