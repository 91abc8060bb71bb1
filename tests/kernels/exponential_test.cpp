#include "vcell/kernels/exponential.hpp"

#include <cmath>
#include <limits>

#include "support/catch.hpp"
#include "support/largest_error.hpp"

using vcell::kernel::exponential;

namespace {

/// The largest error over a range, in units in the last place of the true value.
template <class T>
double worst_error(T from, T to, T step) {
  double worst = 0;
  for (T x = from; x <= to; x += step) {
    const long double expected = std::exp((long double)(x));
    const T nearest = T(expected);
    const double unit =
        double(std::nextafter(nearest, std::numeric_limits<T>::infinity()) - nearest);
    worst = vcell_test::worse(worst, std::abs(double(exponential(x) - expected)) / unit);
  }
  return worst;
}

}  // namespace

TEST_CASE("exponential: within two units in the last place", "[kernels]") {
  CHECK(worst_error(-87.f, 88.7f, 0.0037f) < 2);
  CHECK(worst_error(-103.f, -87.f, 0.0037f) < 2);  // results below the normal range
  CHECK(worst_error(-708., 709.7, 0.0371) < 2);
  CHECK(worst_error(-1e-3, 1e-3, 1e-7) < 2);
}

TEMPLATE_TEST_CASE("exponential: ends of the range", "[kernels]", float, double) {
  using Limits = std::numeric_limits<TestType>;
  CHECK(exponential(TestType(0)) == 1);
  CHECK(exponential(-TestType(0)) == 1);
  CHECK(exponential(-Limits::infinity()) == 0);
  CHECK(exponential(Limits::lowest()) == 0);
  CHECK(exponential(Limits::infinity()) == Limits::infinity());
  CHECK(exponential(Limits::max()) == Limits::infinity());
  CHECK(std::isnan(exponential(Limits::quiet_NaN())));
  CHECK(std::isnan(exponential(-Limits::quiet_NaN())));
}
