#include "vcell/eval/welch_t_test.hpp"

#include <vector>

#include "support/catch.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/eval/rank_sum.hpp"
#if __has_include(<boost/math/distributions/students_t.hpp>)
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#endif

using namespace vcell;

TEST_CASE("student_t_p_value: values of the incomplete beta function", "[eval]") {
  struct Case {
    double t, df, p;
  };
  // Worked out with 40 digits.
  const std::vector<Case> cases = {
      {1.5, 3.7, 0.213598169202013534},      {0.01, 2.2, 0.992855126659937069},
      {25, 7.3, 2.42765724917019836e-8},     {4, 39873.5, 6.34566733120944874e-5},
      {12, 250.25, 1.65464365317668618e-26}, {60, 11.5, 1.01172007265678152e-15},
      {0.3, 1e6, 0.7641772179789942},        {0.7, 1, 0.611199775571570421},
      {1e-9, 5, 0.99999999924078662},        {3, 199.5, 0.00304393462117355571},
      {3, 200.5, 0.00304216416790088884},    {2, 149453, 0.045502070187905127248},
      {5, 149453, 5.7395004067687641871e-7}, {1e5, 4, 5.999999996e-20}};
  for (const auto& [t, df, p] : cases) {
    INFO(t << " with " << df);
    REQUIRE(student_t_p_value(t, df) == Approx(p).epsilon(1e-12));
    REQUIRE(student_t_p_value(-t, df) == student_t_p_value(t, df));
  }
}

TEST_CASE("student_t_p_value: closed forms for 1 and 2 degrees of freedom", "[eval]") {
  for (double t = 1e-3; t < 1e8; t *= 3.7) {
    INFO(t);
    const double root = std::sqrt(t * t + 2);
    REQUIRE(student_t_p_value(t, 1) ==
            Approx(2 / std::numbers::pi * std::atan(1 / t)).epsilon(1e-13));
    REQUIRE(student_t_p_value(t, 2) == Approx(2 / (root * (root + t))).epsilon(1e-13));
  }
}

TEST_CASE("student_t_p_value: ends of the range", "[eval]") {
  const double inf = std::numeric_limits<double>::infinity();
  REQUIRE(student_t_p_value(0, 3) == 1);
  REQUIRE(student_t_p_value(inf, 3) == 0);
  REQUIRE(student_t_p_value(-inf, 3) == 0);
  REQUIRE(std::isnan(student_t_p_value(std::nan(""), 3)));
  REQUIRE(std::isnan(student_t_p_value(1, std::nan(""))));
  REQUIRE(std::isnan(student_t_p_value(1, 0)));
}

TEST_CASE("p-values agree with Boost.Math", "[eval]") {
#if __has_include(<boost/math/distributions/students_t.hpp>)
  Rng rng(2);
  for (int i = 0; i < 2000; ++i) {
    const double df = std::exp(12 * rng.uniform()), t = std::exp(8 * rng.uniform() - 4);
    INFO(t << " with " << df);
    const boost::math::students_t distribution(df);
    const double expected = 2 * boost::math::cdf(boost::math::complement(distribution, t));
    if (expected > 1e-290) REQUIRE(student_t_p_value(t, df) == Approx(expected).epsilon(1e-12));
  }
  const boost::math::normal normal;
  for (double z = 0.001; z < 36; z *= 1.1) {
    INFO(z);
    const double expected = 2 * boost::math::cdf(boost::math::complement(normal, z));
    REQUIRE(two_sided_p_value(z) == Approx(expected).epsilon(1e-12));
    REQUIRE(two_sided_p_value(-z) == two_sided_p_value(z));
  }
#else
  VCELL_SKIP("Boost.Math was not found (apt: libboost-math-dev)");
#endif
}

TEST_CASE("welch_t_test: a case worked by hand, and groups that do not vary", "[eval]") {
  // 1, 2, 3 against 2, 6: means 2 and 4, variances 1 and 8.
  const auto found = welch_t_test({3, 2, 1}, {2, 4, 8});
  const double a = 1. / 3, b = 4, df = (a + b) * (a + b) / (a * a / 2 + b * b);
  REQUIRE(found.statistic == Approx(-2 / std::sqrt(a + b)).epsilon(1e-15));
  REQUIRE(found.p_value == Approx(student_t_p_value(-2 / std::sqrt(a + b), df)).epsilon(1e-14));
  const auto same = welch_t_test({3, 2, 0}, {2, 2, 0});
  REQUIRE(same.statistic == 0);
  REQUIRE(same.p_value == 1);
  REQUIRE(welch_t_test({3, 3, 0}, {2, 2, 0}).p_value == 0);
  REQUIRE(welch_t_test({3, 2, 0}, {9, 1, 4}).statistic == Approx(1.5).epsilon(1e-15));
}
