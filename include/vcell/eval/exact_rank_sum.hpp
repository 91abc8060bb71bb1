#pragma once

#include <algorithm>
#include <vector>

#include "vcell/core/check.hpp"
#include "vcell/core/cmath.hpp"

VCELL_BEGIN_NAMESPACE

/// The exact distribution of Mann-Whitney's U of two groups without ties, when every order of their
/// values is as likely (Mann & Whitney, 1947).
///
/// Of the orders of n1 + n2 values, those with U = u are as many as the partitions of u into at
/// most n1 parts of at most n2, the coefficients of the Gaussian binomial
/// (1 - q^(n2 + 1)) ... (1 - q^(n2 + n1)) / ((1 - q) ... (1 - q^n1)). Its factors are multiplied in
/// one after the other, each time for the lower half, whose mirror image is the upper: there the
/// numbers grow, so their differences keep their digits.
class ExactRankSum {
 public:
  /// Takes time and memory in the order of n n1 n2 and n1 n2, with n the smaller of n1 and n2.
  /// @param n1, n2  cells of the two groups, both above 0
  /// @throws ConfigError if one of them is 0
  template <class = void>
  ExactRankSum(size_t n1, size_t n2);

  /// The two-sided p-value of the U of either group: twice the chance of one as far from n1 n2 / 2
  /// or farther on the same side, at most 1.
  double p_value(double u) const {
    const double lower = std::min(u, pairs_ - u);
    return std::min(1.0, 2 * share_up_to_[size_t(lower)]);
  }

 private:
  double pairs_;
  std::vector<double> share_up_to_;  // P(U <= u) for u in 0 .. n1 n2 / 2
};

template <class>
ExactRankSum::ExactRankSum(size_t n1, size_t n2) : pairs_(double(n1) * double(n2)) {
  check_positive("ExactRankSum", "n1", n1);
  check_positive("ExactRankSum", "n2", n2);
  const size_t m = std::min(n1, n2), n = std::max(n1, n2);
  std::vector<double> ways{1}, before;
  for (size_t i = 1; i <= m; ++i) {
    before.swap(ways);
    ways.assign(i * n + 1, 0.0);
    const auto coefficient = [&](size_t u) { return u < before.size() ? before[u] : 0.0; };
    for (size_t u = 0; 2 * u <= i * n; ++u) {
      ways[u] = coefficient(u) - (u >= n + i ? coefficient(u - n - i) : 0.0);
      if (u >= i) ways[u] += ways[u - i];
    }
    for (size_t u = 0; 2 * u < i * n; ++u) ways[i * n - u] = ways[u];
  }
  double all = 0;
  for (const double w : ways) all += w;
  double sum = 0;
  for (size_t u = 0; 2 * u <= m * n; ++u) share_up_to_.push_back((sum += ways[u]) / all);
}

VCELL_END_NAMESPACE
