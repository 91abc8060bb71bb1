#pragma once

#include <algorithm>
#include <numbers>
#include <span>
#include <vector>

#include "vcell/core/check.hpp"
#include "vcell/core/cmath.hpp"
#include "vcell/eval/expression_options.hpp"
#include "vcell/eval/rank_sweep.hpp"

VCELL_BEGIN_NAMESPACE

/// Mann-Whitney's U as a number of standard deviations from what is expected of two groups that do
/// not differ, with a variance corrected for ties and a continuity correction of 1/2:
///
///   z = (U - n1 n2 / 2 -+ 1/2) / s,  n = n1 + n2,
///   s^2 = n1 n2 / 12 ((n + 1) - ties / (n (n - 1)))
///
/// and 0 when all values are equal.
///
/// @param u            U of either group
/// @param n1, n2       cells of the two groups, both above 0
/// @param ties         sum of t^3 - t over the blocks of t equal values among all n; 0 where the
///                     variance is not to be corrected
/// @param continuity   none: without the 1/2
/// @tparam T           float: it is found in float32, as scipy does for such data
template <class T = double>
double rank_sum_z(double u, size_t n1, size_t n2, double ties,
                  Continuity continuity = Continuity::half) {
  const double pairs = double(n1) * double(n2), n = double(n1) + double(n2);
  const T variance = T(pairs / 12) * (T(n + 1) - T(ties) / T(n * (n - 1)));
  if (!(variance > 0)) return 0;
  double distance = u - pairs / 2;
  if (continuity == Continuity::half_or_over || (continuity == Continuity::half && distance != 0))
    distance -= distance < 0 ? -0.5 : 0.5;
  return double(T(distance) / std::sqrt(variance));
}

/// The two-sided p-value of a z-score, 2 Phi(-|z|).
template <class = void>
double two_sided_p_value(double z) {
  // 2 Phi(-z) = erfc(z / sqrt(2)), which keeps its digits far into the tail.
  return std::erfc(std::abs(z) / std::numbers::sqrt2);
}

/// The two-sided p-value of Mann-Whitney's U by the normal approximation, that of rank_sum_z:
///
///   p = min(1, 2 Phi(-(max(U, n1 n2 - U) - n1 n2 / 2 - 1/2) / s))
///
/// and 1 when all values are equal. No exact test is made, however small the groups are
/// (ExactRankSum is one).
template <class = void>
double rank_sum_p_value(double u, size_t n1, size_t n2, double ties,
                        Continuity continuity = Continuity::half) {
  return two_sided_p_value(rank_sum_z(u, n1, n2, ties, continuity));
}

struct RankSum {
  double statistic = 0;  ///< U of the target: pairs in which it is larger, ties counted by half
  double p_value = 1;    ///< see rank_sum_p_value
};

/// The Wilcoxon rank-sum test (Mann & Whitney, 1947) of a target against a reference.
/// @param target, reference  their values, none of them NaN
/// @throws ShapeError if one of the two is empty
template <class = void>
RankSum rank_sum(std::span<const float> target, std::span<const float> reference) {
  if (target.empty() || reference.empty())
    detail::fail<ShapeError>("rank_sum: target has ", target.size(), " and reference ",
                             reference.size(), " values, expected at least one each");
  std::vector<uint64_t> keys, scratch;
  keys.reserve(target.size() + reference.size());
  for (float x : target)
    if (x != 0) keys.push_back(uint64_t(ordered_key(x)) << 32);
  for (float x : reference)
    if (x != 0) keys.push_back(uint64_t(ordered_key(x)) << 32 | 1);
  sort_keys(keys, scratch);
  RankSweep sweep({uint32_t(target.size()), uint32_t(reference.size())}, 1);
  sweep.run(keys);
  const double u = double(sweep.twice_u(0)) / 2;
  return {u, rank_sum_p_value(u, target.size(), reference.size(), sweep.ties(0))};
}

VCELL_END_NAMESPACE
