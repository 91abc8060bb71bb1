#pragma once

#include "vcell/core/cmath.hpp"
#include "vcell/eval/student_t.hpp"

VCELL_BEGIN_NAMESPACE

/// What a t-test has to know of a group.
struct GroupMoments {
  double cells = 0;
  double mean = 0;
  double variance = 0;  ///< with cells - 1 below the line
};

struct TTest {
  double statistic = 0;
  double p_value = 1;
};

/// Welch's t-test (1947), which does not take the two variances for equal, two-sided:
///
///   t = (m1 - m2) / sqrt(v1 / n1 + v2 / n2),
///   df = (v1 / n1 + v2 / n2)^2 / ((v1 / n1)^2 / (n1 - 1) + (v2 / n2)^2 / (n2 - 1))
///
/// Where neither of them varies and the means are the same, t is 0 and p 1.
/// @param target, reference  of two cells at least
template <class = void>
TTest welch_t_test(const GroupMoments& target, const GroupMoments& reference) {
  const double a = target.variance / target.cells, b = reference.variance / reference.cells;
  const double t = (target.mean - reference.mean) / std::sqrt(a + b);
  if (std::isnan(t)) return {};
  const double df =
      (a + b) * (a + b) / (a * a / (target.cells - 1) + b * b / (reference.cells - 1));
  return {t, student_t_p_value(t, std::isnan(df) ? 1 : df)};
}

VCELL_END_NAMESPACE
