#include "vcell/eval/paired_difference.hpp"

#include <limits>

#include "support.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace vcell_test;

namespace {

using Tables = std::vector<std::pair<std::string, const ScoreTable*>>;

ScoreTable table_with(const std::vector<Score>& values) {
  return {numbered("P", values.size()), {{"mae", values}}};
}

}  // namespace

TEST_CASE("paired_difference: what is the same everywhere is certain", "[eval]") {
  const auto a = table_with({1, 2, 3, 4, 5, 6}), b = table_with({0.5, 1.5, 2.5, 3.5, 4.5, 5.5});
  const auto found = paired_difference({{"", &a}}, {{"", &b}}, "mae");
  REQUIRE(found);
  REQUIRE(found->difference == 0.5);
  REQUIRE(found->low == 0.5);
  REQUIRE(found->high == 0.5);
  REQUIRE(found->names == 6);
}

TEST_CASE("paired_difference: its interval is that of a mean over names", "[eval]") {
  constexpr size_t n = 400;
  Rng rng(3);
  std::vector<Score> first, second;
  double sum = 0, squares = 0;
  for (size_t i = 0; i < n; ++i) {
    const double shared = 10 * rng.normal(), d = 0.3 + rng.normal();
    first.push_back(shared + d);
    second.push_back(shared);
    sum += d;
    squares += d * d;
  }
  const double mean = sum / double(n), sd = std::sqrt(squares / double(n) - mean * mean);
  const auto a = table_with(first), b = table_with(second);
  const auto found = paired_difference({{"", &a}}, {{"", &b}}, "mae");
  REQUIRE(found);
  REQUIRE(std::abs(found->difference - mean) < 1e-9);
  const double half = 1.96 * sd / std::sqrt(double(n));
  REQUIRE(std::abs((found->high - found->low) / 2 - half) < 0.1 * half);
  const auto turned = paired_difference({{"", &b}}, {{"", &a}}, "mae");
  REQUIRE(std::abs(turned->difference + found->difference) < 1e-9);
}

TEST_CASE("paired_difference: contexts of a name are drawn together", "[eval]") {
  // Four contexts that say the same of each name: no more certain than one of them.
  std::vector<Score> first, second;
  Rng rng(5);
  for (size_t i = 0; i < 40; ++i) {
    first.push_back(rng.normal());
    second.push_back(0.0);
  }
  const auto a = table_with(first), b = table_with(second);
  const auto one = paired_difference({{"A", &a}}, {{"A", &b}}, "mae");
  const Tables as = {{"A", &a}, {"B", &a}, {"C", &a}, {"D", &a}};
  const Tables bs = {{"D", &b}, {"C", &b}, {"B", &b}, {"A", &b}};
  const auto four = paired_difference(as, bs, "mae");
  REQUIRE(four->names == 40);
  REQUIRE(std::abs(four->difference - one->difference) < 1e-12);
  REQUIRE(std::abs(four->low - one->low) < 1e-12);
  REQUIRE(std::abs(four->high - one->high) < 1e-12);
}

TEST_CASE("paired_difference: only what both have a finite score of", "[eval]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  auto a = table_with({1, 1, 1, 1, 1, 1, {}, nan});
  auto b = table_with({0, 0, 0, 0, 0, 0, 5, 5});
  const auto six = paired_difference({{"", &a}}, {{"", &b}}, "mae");
  REQUIRE(six);
  REQUIRE(six->difference == 1);
  REQUIRE(six->names == 6);
  b.columns[0].values[2] = {};
  REQUIRE_FALSE(paired_difference({{"", &a}}, {{"", &b}}, "mae"));  // five
  REQUIRE(paired_difference({{"", &a}}, {{"", &b}}, "mae", {.least_names = 5}));
  REQUIRE_FALSE(paired_difference({{"A", &a}}, {{"B", &b}}, "mae", {.least_names = 0}));
  REQUIRE_FALSE(paired_difference({}, {}, "mae"));
  check_error<ConfigError>(
      [&] {
        paired_difference({{"", &a}}, {{"", &b}}, "mse");
      },
      {"no score 'mse'", "'mae'"});
  check_error<ConfigError>(
      [&] {
        paired_difference({{"", &a}}, {{"", &b}}, "mae", {.resamples = 0});
      },
      {"paired_difference", "resamples"});
}

TEST_CASE("paired_difference: any order of perturbations gives the same", "[eval]") {
  std::vector<Score> values;
  Rng rng(8);
  for (size_t i = 0; i < 12; ++i) values.push_back(rng.normal());
  const auto a = table_with(values), b = table_with(std::vector<Score>(12, 0.0));
  auto turned = a;
  std::reverse(turned.perturbations.begin(), turned.perturbations.end());
  std::reverse(turned.columns[0].values.begin(), turned.columns[0].values.end());
  const auto x = paired_difference({{"", &a}}, {{"", &b}}, "mae");
  const auto y = paired_difference({{"", &turned}}, {{"", &b}}, "mae");
  REQUIRE(x->difference == y->difference);
  REQUIRE(x->low == y->low);
  REQUIRE(x->high == y->high);
}
