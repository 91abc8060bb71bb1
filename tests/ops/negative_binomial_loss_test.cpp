#include "vcell/ops/negative_binomial_loss.hpp"

#include <cmath>

#include "support/check_op.hpp"
#include "support/threads.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

template <class T = double>
Variable<T, 1> vector(std::vector<T> x) {
  return Variable<T, 1>(Tensor<T, 1>({x.size()}, x), true);
}

bool close(double found, double expected, double bound) {
  INFO("found " << found << ", expected " << expected);
  const bool within = std::abs(found - expected) <= bound * std::abs(expected);
  CHECK(within);
  return within;
}

}  // namespace

TEST_CASE("log_gamma_difference and digamma_difference: numbers of 50 digits", "[ops]") {
  struct Case {
    double x, k, log_gamma, digamma;
  };
  for (const Case& c : {Case{0.1, 5000.0, 37581.225313352518, 18.940868130294076},
                        {3e7, 5000, 86083.956258326205, 0.0001666527820981097},
                        {3e7, 1, 17.216707939626429, 3.3333333333333333e-8},
                        {1, 0, 0, 0},
                        {1e-8, 3, -17.72753354839242, 100000001.49999999},
                        {2.5, -1.5, -0.28468287047291916, -1.280372305546776},
                        {1e15, 7, 241.77143476437482, 6.999999999999979e-15},
                        {10, 0.25, 0.56619619139457668, 0.025952201620002862}}) {
    INFO("x = " << c.x << ", k = " << c.k);
    close(kernel::log_gamma_difference(c.x, c.k), c.log_gamma, 4e-15);
    close(kernel::digamma_difference(c.x, c.k), c.digamma, 4e-15);
  }
}

TEST_CASE("negative_binomial_loss: numbers of 50 digits, in double and float", "[ops]") {
  struct Case {
    double k, mu, theta, epsilon, loss, by_count, by_mu, by_theta;
    double cancelled = 0;  ///< how many digits of by_theta the true value leaves
  };
  for (const Case& c :
       {Case{0, 0.5, 2, 0, 0.44628710262841951, 0.60943791243410037, 0.8, 0.023143551314209756},
        {3, 2.5, 0.7, 0, 2.4290126505100003, 0.33582420700181488, -0.043749999999999998,
         -0.71110133931503282},
        {5000, 12, 30, 0, 6098.0806165887521, 1.2469803003567065, -296.9047619047619,
         113.95973927498993},
        {5000, 4000, 3e7, 0, 120.87872743341036, 0.22321023631067957, -0.2499666711105186,
         5.5261778167536337e-10, 1e-7},
        {7, 6.5, 3e7, 0, 1.9225462352542623, 0.14383930105401852, -0.076923060256413868,
         -3.7499991975310402e-15, 1e-7},
        {2, 20, 1e-3, 0, 7.6099064942603683, 0.49940526665781027, 4.4997750112494376e-5,
         -991.9954184499647},
        {3, 2.5, 0.7, 1e-8, 2.4290126400725004, 0.33582420612681489, -0.043749998813281256,
         -0.71110133980331416},
        {0, 1e-9, 1e-9, 1e-8, 8.7011376989629775e-11, 1000000000.0870113, 0.083333333333333336,
         0.079435619413872193},
        {12, 1e-9, 5, 1e-8, 231.71110996631485, 19.657290163763826, -1090909087.5090909,
         1.1026043348243401},
        {100000, 90000, 2, 0, 12.138142047765299, 1.2222075311299903e-5, -2.4690809340039357e-6,
         -0.26460749700548273, 1e-11}}) {
    INFO("k = " << c.k << ", mu = " << c.mu << ", theta = " << c.theta);
    const kernel::NegativeBinomialLoss f{c.epsilon};
    close(f(c.k, c.mu, c.theta), c.loss, 1e-12);
    close(f.derivative(kernel::Argument<0>(), c.k, c.mu, c.theta), c.by_count, 1e-10);
    close(f.derivative(kernel::Argument<1>(), c.k, c.mu, c.theta), c.by_mu, 1e-14);
    close(f.derivative(kernel::Argument<2>(), c.k, c.mu, c.theta), c.by_theta,
          std::max(1e-13, c.cancelled));
    // In float only the inputs are rounded: 0.7 and 1e-8 by 6e-8 of themselves.
    close(f(float(c.k), float(c.mu), float(c.theta)), c.loss, 1e-6);
  }
}

TEST_CASE("negative_binomial_loss: value, gradient, errors", "[ops]") {
  const auto k = vector({0, 1, 4, 9, 2.5}), mu = vector({0.5, 3, 1, 20, 2});
  const auto theta = vector({2, 0.3, 5, 700, 1});
  for (const double e : {0.0, 0.25}) {
    std::vector<double> expected;
    for (size_t i = 0; i < 5; ++i) {
      const double x = k.value()(i), m = mu.value()(i), t = theta.value()(i);
      const double log_n = std::log(t + m + e);
      expected.push_back(-(t * (std::log(t + e) - log_n) + x * (std::log(m + e) - log_n) +
                           std::lgamma(x + t) - std::lgamma(t) - std::lgamma(x + 1)));
    }
    check_op([&](const auto& a, const auto& b,
                 const auto& c) { return negative_binomial_loss(a, b, c, {.epsilon = e}); },
             Shape<1>{5}, expected, {}, k, mu, theta);
  }
  check_op([](const auto& m) { return negative_binomial_loss(m, m, m); }, Shape<2>{0, 3}, {}, {},
           parameter<2>({0, 3}, 1));
  const auto shorter = vector({1, 1});
  check_error<ShapeError>([&] { negative_binomial_loss(k, shorter, theta); },
                          {"negative_binomial_loss", "counts (5)", "mu (2)"});
  check_error<ShapeError>([&] { negative_binomial_loss(k, mu, shorter); },
                          {"negative_binomial_loss", "counts (5)", "theta (2)"});
}

TEST_CASE("negative_binomial_loss: limits", "[ops]") {
  const kernel::NegativeBinomialLoss f{0};
  CHECK(f(0., 0., 3.) == 0);  // certain
  CHECK(f.derivative(kernel::Argument<1>(), 0., 0., 3.) == 1);
  CHECK(f(2., 0., 3.) == INFINITY);  // impossible
  CHECK(f(1., 1e-300, 1e-3) > 690);
  CHECK(f(1e9, 1e9, 10.) == Approx(20.499242392087424).epsilon(1e-13));  // nothing overflows
  CHECK(std::isnan(f(1., double(NAN), 1.)));
  // The Poisson distribution's, far out: mu - k log mu + log k!.
  CHECK(f(3., 2., 1e14) == Approx(2 - 3 * std::log(2.) + std::log(6.)).epsilon(1e-13));
  // Over all counts the probabilities sum to 1.
  double sum = 0;
  for (int k = 0; k < 400; ++k) sum += std::exp(-f(double(k), 6., 1.5));
  CHECK(sum == Approx(1).epsilon(1e-13));
}

TEST_CASE("negative_binomial_loss: the same bytes on any number of threads", "[ops]") {
  std::vector<float> counts(50'001), mu(counts.size()), theta(counts.size());
  Rng rng(3);
  for (size_t i = 0; i < counts.size(); ++i) {
    counts[i] = float(rng.below(30));
    mu[i] = 0.1f + 20 * rng.uniform();
    theta[i] = 0.1f + 30 * rng.uniform();
  }
  const auto k = vector(counts), m = vector(mu), t = vector(theta);
  check_same_on_any_threads([&] {
    return value_and_gradients(
        [](const auto& a, const auto& b, const auto& c) { return negative_binomial_loss(a, b, c); },
        k, m, t);
  });
}
