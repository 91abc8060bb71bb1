#pragma once

#include "vcell/core/cmath.hpp"
#include "vcell/eval/differential_expression.hpp"

VCELL_BEGIN_NAMESPACE

/// The shift of every gene under every target, mean log1p minus the control's, (targets, features):
/// read from the table's geometric means, whose log1p is the mean of log1p up to float32 rounding.
/// @throws ConfigError if the table's means are arithmetic
template <class = void>
Tensor<double, 2> mean_shift(const DifferentialExpression& de) {
  if (!de.geometric_mean)
    throw ConfigError(
        "mean_shift: the table's means are arithmetic, expected geometric ones, whose log1p is the "
        "mean of log1p values; measure it with DifferentialExpressionOptions::geometric_mean");
  Tensor<double, 2> out({de.targets.size(), de.features.size()});
  for (size_t g = 0; g < de.features.size(); ++g)
    for (size_t t = 0; t < de.targets.size(); ++t)
      out(t, g) =
          std::log1p(double(de.target_mean(t, g))) - std::log1p(double(de.reference_mean(t, g)));
  return out;
}

VCELL_END_NAMESPACE
