#include <vector>

#include "support/catch.hpp"
#include "vcell/simulate/sample_negative_binomial.hpp"

using namespace vcell;
using vcell_test::contains;

namespace {

/// Mean and variance of n draws.
template <class F>
std::pair<double, double> moments(size_t n, F&& draw) {
  double sum = 0, squares = 0;
  for (size_t i = 0; i < n; ++i) {
    const double x = draw();
    sum += x;
    squares += x * x;
  }
  const double mean = sum / double(n);
  return {mean, squares / double(n) - mean * mean};
}

constexpr size_t draws = 200'000;

/// Five standard errors of a mean, and of a variance whose fourth moment is near that of a normal
/// (or, by `tail`, heavier).
double mean_error(double variance) { return 5 * std::sqrt(variance / draws); }
double variance_error(double variance, double tail) {
  return 5 * variance * std::sqrt((2 + tail) / draws);
}

}  // namespace

TEST_CASE("sample_gamma: mean and variance are the shape", "[simulate]") {
  for (const double shape : {0.05, 0.5, 1.0, 2.5, 80.0}) {
    CAPTURE(shape);
    Rng rng(1, 2);
    const auto [mean, variance] = moments(draws, [&] { return sample_gamma(shape, rng); });
    CHECK(mean == Approx(shape).margin(mean_error(shape)));
    CHECK(variance == Approx(shape).margin(variance_error(shape, 6 / shape)));
  }
}

TEST_CASE("sample_poisson: mean and variance on both sides of the change of method", "[simulate]") {
  for (const double mu : {0.01, 0.9, 5.0, 9.99, 10.0, 11.0, 35.0, 1e4}) {
    CAPTURE(mu);
    Rng rng(3, 4);
    const auto [mean, variance] = moments(draws, [&] { return sample_poisson(mu, rng); });
    CHECK(mean == Approx(mu).margin(mean_error(mu)));
    CHECK(variance == Approx(mu).margin(variance_error(mu, 1 / mu)));
  }
}

TEST_CASE("sample_poisson: every value has its probability", "[simulate]") {
  for (const double mu : {2.5, 12.0}) {
    CAPTURE(mu);
    Rng rng(5);
    std::vector<double> seen(200, 0.0);
    for (size_t i = 0; i < draws; ++i) {
      const double k = sample_poisson(mu, rng);
      REQUIRE(k == std::floor(k));
      ++seen.at(size_t(k));
    }
    for (double k = 0; k < 40; ++k) {
      const double p = std::exp(k * std::log(mu) - mu - detail::log_factorial(k));
      CAPTURE(k);
      CHECK(std::abs(seen[size_t(k)] - double(draws) * p) <= 5 * std::sqrt(double(draws) * p) + 1);
    }
  }
}

TEST_CASE("sample_poisson: the factorial's logarithm", "[simulate]") {
  double sum = 0;
  for (double k = 1; k <= 60; ++k) {
    sum += std::log(k);
    CHECK(detail::log_factorial(k) == Approx(sum).epsilon(1e-10));
  }
  CHECK(detail::log_factorial(0) == 0);
}

TEST_CASE("sample_negative_binomial: mean and variance", "[simulate]") {
  for (const double mu : {0.3, 4.0, 250.0}) {
    for (const double dispersion : {0.0, 0.15, 1.5}) {
      CAPTURE(mu, dispersion);
      Rng rng(7);
      const double expected = mu + dispersion * mu * mu;
      const auto [mean, variance] =
          moments(draws, [&] { return sample_negative_binomial(mu, dispersion, rng); });
      CHECK(mean == Approx(mu).margin(mean_error(expected)));
      CHECK(variance ==
            Approx(expected).margin(variance_error(expected, 6 * dispersion + 1 / expected)));
    }
  }
}

TEST_CASE("sample_negative_binomial: edges and errors of the samplers", "[simulate]") {
  Rng rng(1);
  CHECK(sample_poisson(0, rng) == 0);
  CHECK(sample_negative_binomial(0, 1, rng) == 0);
  CHECK(sample_poisson(0x1p52, rng) == Approx(0x1p52).epsilon(1e-6));
  for (const double wrong : {-1.0, double(NAN), double(INFINITY), 1e300}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(sample_poisson(wrong, rng), ConfigError);
  }
  for (const double wrong : {0.0, double(NAN), double(INFINITY)})
    CHECK_THROWS_AS(sample_gamma(wrong, rng), ConfigError);
  CHECK_THROWS_WITH(sample_negative_binomial(-1, 1, rng), contains("mean is -1"));
  CHECK_THROWS_AS(sample_negative_binomial(1, NAN, rng), ConfigError);
}
