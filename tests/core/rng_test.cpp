#include "vcell/core/rng.hpp"

#include <algorithm>
#include <set>

#include "support/catch.hpp"

using namespace vcell;

namespace {

struct Moments {
  double mean = 0, variance = 0, skew = 0, least = INFINITY, largest = -INFINITY;
};

template <class Draw>
Moments moments(size_t n, Draw draw) {
  Moments m;
  std::vector<double> x(n);
  for (double& v : x) {
    v = draw();
    m.mean += v / double(n);
    m.least = std::min(m.least, v);
    m.largest = std::max(m.largest, v);
  }
  for (const double v : x) {
    m.variance += (v - m.mean) * (v - m.mean) / double(n);
    m.skew += std::pow(v - m.mean, 3) / double(n);
  }
  return m;
}

constexpr size_t many = 200000;
const double spread = 4 / std::sqrt(double(many));  // four standard errors of a mean

}  // namespace

TEST_CASE("rng: the counter is the whole state", "[core]") {
  Rng a(7, 3), b(7, 3);
  for (int i = 0; i < 10; ++i) a.next(), a.normal();
  CHECK(a.counter() == 20);
  b.seek(20);
  CHECK(a.next() == b.next());
  CHECK(Rng(7, 4).next() != Rng(7, 3).next());
  CHECK(Rng(8, 3).next() != Rng(7, 3).next());
}

TEST_CASE("rng: next is philox at (counter, stream)", "[core]") {
  Rng rng(5, 9);
  rng.seek(1000);
  const auto words = philox(5, {1000, 9});
  CHECK(rng.next() == (uint64_t(words[1]) << 32 | words[0]));
}

TEST_CASE("rng: stream_of is FNV-1a", "[core]") {
  // Published values of the 64-bit function.
  CHECK(stream_of("") == 0xcbf29ce484222325u);
  CHECK(stream_of("a") == 0xaf63dc4c8601ec8cu);
  CHECK(stream_of("foobar") == 0x85944171f73967e8u);
}

TEST_CASE("rng: uniform", "[core]") {
  Rng rng(1);
  const Moments m = moments(many, [&] { return rng.uniform(); });
  CHECK(m.mean == Approx(0.5).margin(spread * std::sqrt(1 / 12.)));
  CHECK(m.variance == Approx(1 / 12.).epsilon(0.01));
  CHECK(m.least >= 0);
  CHECK(m.largest < 1);
}

TEST_CASE("rng: normal", "[core]") {
  Rng rng(2);
  const Moments m = moments(many, [&] { return rng.normal(); });
  CHECK(m.mean == Approx(0).margin(spread));
  CHECK(m.variance == Approx(1).margin(spread * std::sqrt(2.)));
  CHECK(m.skew == Approx(0).margin(spread * std::sqrt(15.)));
  CHECK(m.largest > 3.5);
  CHECK(m.largest < 6.5);
  size_t inside = 0;
  for (size_t i = 0; i < many; ++i) inside += std::abs(rng.normal()) < 1;
  CHECK(double(inside) / many == Approx(0.6827).margin(spread));
}

TEST_CASE("rng: below", "[core]") {
  Rng rng(3);
  for (const uint64_t n : {uint64_t(1), uint64_t(2), uint64_t(7), uint64_t(1) << 40, ~uint64_t(0)})
    for (int i = 0; i < 100; ++i) REQUIRE(rng.below(n) < n);
  std::vector<double> seen(10);
  for (size_t i = 0; i < many; ++i) ++seen[rng.below(10)];
  for (const double s : seen) CHECK(s / many == Approx(0.1).margin(spread * 0.3));
  // Three quarters of the range: taking a remainder would make the lower part twice as likely.
  const uint64_t n = uint64_t(3) << 62;
  size_t low = 0;
  for (size_t i = 0; i < many; ++i) low += rng.below(n) < n / 3;
  CHECK(double(low) / many == Approx(1 / 3.).margin(spread * 0.5));
}

TEST_CASE("rng: permutation", "[core]") {
  Rng rng(4);
  CHECK(permutation(0, rng).empty());
  CHECK(permutation(1, rng) == std::vector<size_t>{0});
  const auto p = permutation(100, rng);
  CHECK(std::set<size_t>(p.begin(), p.end()).size() == 100);
  CHECK(*std::max_element(p.begin(), p.end()) == 99);
  // Every order of three is equally likely.
  std::vector<double> seen(27);
  for (size_t i = 0; i < many; ++i) {
    const auto q = permutation(3, rng);
    ++seen[9 * q[0] + 3 * q[1] + q[2]];
  }
  CHECK(std::count(seen.begin(), seen.end(), 0.) == 21);
  for (const double s : seen)
    if (s > 0) CHECK(s / many == Approx(1 / 6.).margin(spread * 0.4));
}
