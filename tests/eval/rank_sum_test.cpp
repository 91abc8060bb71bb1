#include "vcell/eval/rank_sum.hpp"

#include <limits>
#include <numbers>

#include "support.hpp"
#include "support/catch.hpp"
#include "vcell/eval/pooled_rank_sweep.hpp"
#include "vcell/eval/rank_sweep.hpp"
#include "vcell/eval/sort_keys.hpp"

using namespace vcell_test;

namespace {

std::vector<float> draw(size_t n, size_t levels, Rng& rng) {
  std::vector<float> out(n);
  for (float& x : out) {
    x = float(rng.normal());
    if (levels) x = float(rng.below(levels)) - 1;  // with negative ones and zeros
  }
  return out;
}

}  // namespace

TEST_CASE("rank_sum: U and ties are those of counting all pairs", "[eval]") {
  Rng rng(5);
  for (size_t levels : {0, 1, 2, 3, 7})
    for (size_t n1 : {1, 2, 9, 40})
      for (size_t n2 : {1, 5, 33}) {
        const auto x = draw(n1, levels, rng), y = draw(n2, levels, rng);
        const RankSum result = rank_sum(x, y);
        REQUIRE(result.statistic == u_by_pairs(x, y));
        REQUIRE(result.p_value == rank_sum_p_value(u_by_pairs(x, y), n1, n2, ties_by_pairs(x, y)));
        const RankSum other = rank_sum(y, x);
        REQUIRE(result.statistic + other.statistic == double(n1 * n2));
        REQUIRE(other.p_value == result.p_value);
      }
}

TEST_CASE("rank_sum: many values take the counting sort and give the same U", "[eval]") {
  Rng rng(6);
  for (size_t levels : {0, 5}) {
    const auto x = draw(1500, levels, rng), y = draw(900, levels, rng);
    REQUIRE(rank_sum(x, y).statistic == u_by_pairs(x, y));
  }
}

TEST_CASE("rank_sum: p-value of a case worked by hand", "[eval]") {
  // x = 1, 2, 2; y = 2, 3, 3, 4: U = 0 + 0.5 + 0.5; blocks of 1, 3, 2, 1 equal values: ties 24 + 6.
  const std::vector<float> x = {1, 2, 2}, y = {2, 3, 3, 4};
  const RankSum result = rank_sum(x, y);
  REQUIRE(result.statistic == 1);
  const double s = std::sqrt(12. / 12 * (8 - 30. / 42));
  REQUIRE(result.p_value == Approx(std::erfc((11 - 6 - 0.5) / s / std::numbers::sqrt2)));
}

TEST_CASE("rank_sum: p is 1 for equal values and at the centre", "[eval]") {
  const std::vector<float> same(4, 2.5f), zero(3, 0.0f), negative_zero(2, -0.0f);
  REQUIRE(rank_sum(same, same).p_value == 1);
  REQUIRE(rank_sum(zero, negative_zero).statistic == 3);
  REQUIRE(rank_sum(zero, negative_zero).p_value == 1);
  REQUIRE(rank_sum(std::vector<float>{1, 4}, std::vector<float>{2, 3}).p_value == 1);
  REQUIRE(rank_sum(std::vector<float>{1}, std::vector<float>{1}).p_value == 1);
}

TEST_CASE("rank_sum: the tail keeps its digits", "[eval]") {
  // All of 400 above all of 400: z = (80000 - 0.5) / s, s^2 = 160000 / 12 * 801.
  std::vector<float> x(400), y(400);
  for (size_t i = 0; i < 400; ++i) x[i] = float(i) + 1000, y[i] = float(i) + 1;
  const double z = (80000 - 0.5) / std::sqrt(160000. / 12 * 801);
  const double p = rank_sum(x, y).p_value;
  // The asymptotic series of the normal tail.
  const double tail = 2 * std::exp(-z * z / 2) / (z * std::sqrt(2 * std::numbers::pi)) *
                      (1 - 1 / (z * z) + 3 / (z * z * z * z) - 15 / std::pow(z, 6));
  REQUIRE(p < 1e-100);
  REQUIRE(p == Approx(tail).epsilon(1e-6));
}

TEST_CASE("rank_sum: an empty side is an error", "[eval]") {
  const std::vector<float> one = {1}, none;
  REQUIRE_THROWS_AS(rank_sum(one, none), ShapeError);
  REQUIRE_THROWS_AS(rank_sum(none, one), ShapeError);
}

TEST_CASE("rank_sweep: every group is compared with the reference as if it were alone", "[eval]") {
  Rng rng(3);
  RankSweep sweep({7, 12, 0, 1}, 1);  // one group without cells
  for (size_t levels : {0, 2, 4}) {   // one sweep serves gene after gene
    const std::vector<std::vector<float>> values = {
        draw(7, levels, rng), draw(12, levels, rng), {}, draw(1, levels, rng)};
    std::vector<uint64_t> keys, scratch;
    for (size_t g = 0; g < values.size(); ++g)
      for (float x : values[g])
        if (x != 0) keys.push_back(uint64_t(ordered_key(x)) << 32 | g);
    sort_keys(keys, scratch);
    sweep.run(keys);
    REQUIRE(sweep.reference_ties() == ties_by_pairs({}, values[1]));
    for (size_t g : {0, 2, 3}) {
      REQUIRE(double(sweep.twice_u(g)) == 2 * u_by_pairs(values[g], values[1]));
      REQUIRE(sweep.ties(g) == ties_by_pairs(values[g], values[1]));
    }
  }
  sweep.run({});  // all values are 0
  REQUIRE(sweep.twice_u(0) == 7 * 12);
  REQUIRE(sweep.reference_ties() == 12. * (12 * 12 - 1));
}

TEST_CASE("sort_keys: ascending by the upper half, whatever its range", "[eval]") {
  Rng rng(9);
  std::vector<uint64_t> scratch;
  for (const size_t n : {0, 1, 255, 256, 257, 3000})
    for (const int bits : {0, 1, 11, 12, 22, 23, 32})
      for (const uint64_t base : {uint64_t(0), ~uint64_t(0) << bits >> 32 << 32}) {
        std::vector<uint64_t> keys(n);
        for (uint64_t& key : keys) {
          const uint64_t low = bits ? rng.next() >> (64 - bits) : 0;
          key = ((base >> 32) + low) << 32 | rng.below(5);
        }
        // Far from all others, which then differ in bits that no pass looks at.
        if (n > 300 && bits == 11) keys[17] = ~uint64_t(0) - base;
        auto before = keys;
        sort_keys(keys, scratch);
        REQUIRE(std::is_sorted(keys.begin(), keys.end(),
                               [](uint64_t a, uint64_t b) { return a >> 32 < b >> 32; }));
        std::sort(keys.begin(), keys.end());
        std::sort(before.begin(), before.end());
        REQUIRE(keys == before);
      }
}

TEST_CASE("count_histogram: counts are ranked as sorted values are, bit by bit", "[eval]") {
  Rng rng(8);
  const std::vector<uint32_t> sizes = {40, 0, 13, 1, 90};
  CountHistogram counts(sizes);
  RankSweep sorted(sizes, 4), counted(sizes, 4);
  PooledRankSweep sorted_pool(sizes), counted_pool(sizes);
  for (const size_t highest : {9, 1, 30, 0, 5}) {  // one serves gene after gene
    std::vector<uint64_t> keys, scratch;
    for (uint32_t g = 0; g < sizes.size(); ++g)
      for (uint32_t i = 0; i < sizes[g]; ++i)
        if (const auto x = float(rng.below(highest + 1)); x != 0)
          keys.push_back(uint64_t(ordered_key(x)) << 32 | g);
    REQUIRE(counts.fill(keys));
    counted.run(counts);
    counted_pool.run(counts);
    sort_keys(keys, scratch);
    sorted.run(keys);
    sorted_pool.run(keys);
    for (size_t g = 0; g < sizes.size(); ++g) {
      REQUIRE(counted.twice_u(g) == sorted.twice_u(g));
      REQUIRE(counted.ties(g) == sorted.ties(g));
      REQUIRE(counted_pool.twice_u(g) == sorted_pool.twice_u(g));
      REQUIRE(counted_pool.ties(g) == sorted_pool.ties(g));
    }
  }
  const auto is_counted = [&](std::vector<float> values) {
    std::vector<uint64_t> keys;
    for (const float x : values) keys.push_back(uint64_t(ordered_key(x)) << 32 | 4);
    return counts.fill(keys);
  };
  REQUIRE(is_counted({1, 2, 3}));
  REQUIRE_FALSE(is_counted({1, 2, 2.5f}));
  REQUIRE_FALSE(is_counted({1, -2}));
  REQUIRE_FALSE(is_counted({1, 0.5f}));
  REQUIRE_FALSE(is_counted({1, 1000}));  // sorting two numbers takes less time
  REQUIRE_FALSE(is_counted({1, 3e9f}));
  REQUIRE(is_counted({}));
}

TEST_CASE("sort_keys: keys have the order of the numbers", "[eval]") {
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> ascending = {-inf, -1e30f, -1, -1e-40f, 0, 1e-40f, 0.5f, 1, 15, inf};
  for (size_t i = 0; i < ascending.size(); ++i) {
    REQUIRE(value_of_key(ordered_key(ascending[i])) == ascending[i]);
    if (i) REQUIRE(ordered_key(ascending[i - 1]) < ordered_key(ascending[i]));
  }
  REQUIRE(ordered_key(-0.0f) == ordered_key(0.0f));

  Rng rng(1);
  for (size_t n : {0, 1, 1023, 1024, 5000}) {
    std::vector<uint64_t> keys(n), scratch;
    for (auto& key : keys) key = uint64_t(ordered_key(float(rng.normal()))) << 32 | rng.below(9);
    auto expected = keys;
    std::sort(expected.begin(), expected.end());
    sort_keys(keys, scratch);
    for (size_t i = 0; i < n; ++i) REQUIRE(keys[i] >> 32 == expected[i] >> 32);
    std::sort(keys.begin(), keys.end());
    REQUIRE(keys == expected);
  }
}
