#pragma once

#include <limits>

#include "vcell/core/cmath.hpp"
#include "vcell/eval/expression_options.hpp"

VCELL_BEGIN_NAMESPACE

/// log2 of how often a reference's mean is in a target's. With ZeroMeans::epsilon,
/// log2((mean + epsilon) / (reference + epsilon)) and 0 for 0/0; else log2(mean / reference), and
/// where one of them is 0 what ZeroMeans says.
/// @param mean, reference  not negative
template <class = void>
double log2_fold_change(double mean, double reference,
                        const DifferentialExpressionOptions& options) {
  if (options.zero_means == ZeroMeans::epsilon) {
    const double a = mean + options.epsilon, b = reference + options.epsilon;
    return a == 0 && b == 0 ? 0 : std::log2(a / b);
  }
  const bool is_clipped = options.zero_means == ZeroMeans::clip;
  if (is_clipped && mean == 0 && reference == 0) return 0;
  if (reference == 0)
    return is_clipped ? std::log2(options.clip_value) : std::numeric_limits<double>::quiet_NaN();
  if (is_clipped && mean == 0) return -std::log2(options.clip_value);
  return std::log2(mean / reference);
}

/// (mean - reference) / (reference + epsilon) and 0 for 0/0; where epsilon is not what zeros are
/// met with, without it, and NaN for a reference of 0.
/// @param mean, reference  not negative
template <class = void>
double percent_change(double mean, double reference, const DifferentialExpressionOptions& options) {
  const double change = mean - reference;
  if (options.zero_means == ZeroMeans::epsilon) {
    const double b = reference + options.epsilon;
    return change == 0 && b == 0 ? 0 : change / b;
  }
  return reference == 0 ? std::numeric_limits<double>::quiet_NaN() : change / reference;
}

VCELL_END_NAMESPACE
