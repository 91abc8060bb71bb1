#include "vcell/eval/exact_rank_sum.hpp"

#include <numeric>

#include "support/catch.hpp"

using namespace vcell;

namespace {

/// The two-sided p-value by looking at every choice of the n1 ranks of the first group.
double by_enumeration(size_t n1, size_t n2, double u) {
  std::vector<uint8_t> is_first(n1 + n2, 0);
  std::fill_n(is_first.end() - std::ptrdiff_t(n1), n1, uint8_t(1));
  const double far = std::max(u, double(n1 * n2) - u);
  double all = 0, as_far = 0;
  do {
    double pairs = 0, below = 0;
    for (const uint8_t first : is_first) first ? pairs += below : below += 1;
    all += 1;
    as_far += pairs >= far;
  } while (std::next_permutation(is_first.begin(), is_first.end()));
  return std::min(1.0, 2 * as_far / all);
}

}  // namespace

TEST_CASE("exact_rank_sum: p-values are those of all orders of the values", "[eval]") {
  for (size_t n1 = 1; n1 <= 6; ++n1)
    for (size_t n2 = 1; n2 <= 7; ++n2) {
      const ExactRankSum exact(n1, n2);
      for (size_t u = 0; u <= n1 * n2; ++u) {
        INFO(n1 << " and " << n2 << ", U " << u);
        REQUIRE(exact.p_value(double(u)) ==
                Approx(by_enumeration(n1, n2, double(u))).epsilon(1e-14));
      }
    }
}

TEST_CASE("exact_rank_sum: is symmetric in U and in the groups", "[eval]") {
  const ExactRankSum a(8, 30), b(30, 8);
  for (size_t u = 0; u <= 240; ++u) {
    REQUIRE(a.p_value(double(u)) == b.p_value(double(u)));
    REQUIRE(a.p_value(double(u)) == a.p_value(double(240 - u)));
    if (u && 2 * u <= 240) REQUIRE(a.p_value(double(u)) >= a.p_value(double(u - 1)));
  }
  REQUIRE(a.p_value(120) == 1);
}

TEST_CASE("exact_rank_sum: many cells against a few keep the digits of the tail", "[eval]") {
  const size_t n = 40'000;
  const ExactRankSum exact(8, n);
  double orders = 1;  // n + 8 over 8
  for (size_t i = 1; i <= 8; ++i) orders *= double(n + i) / double(i);
  REQUIRE(exact.p_value(0) == Approx(2 / orders).epsilon(1e-13));
  REQUIRE(exact.p_value(1) == Approx(4 / orders).epsilon(1e-13));
  REQUIRE(exact.p_value(2) == Approx(8 / orders).epsilon(1e-13));
  REQUIRE(exact.p_value(double(8 * n)) == exact.p_value(0));
  REQUIRE_THROWS_AS(ExactRankSum(0, 3), ConfigError);
}
