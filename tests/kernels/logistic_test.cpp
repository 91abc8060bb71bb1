#include "vcell/kernels/logistic.hpp"

#include <cmath>

#include "support/catch.hpp"

using namespace vcell;

TEST_CASE("logistic: both flanks keep their digits", "[kernels]") {
  for (const double x : {0.0, 1e-9, 0.5, 3.0, 20.0, 40.0, 700.0, 1e5})
    for (const double sign : {-1.0, 1.0}) {
      const kernel::Logistic<double> l(sign * x);
      const long double e = std::exp(-(long double)x);
      const double smaller = double(e / (1 + e)), larger = double(1 / (1 + e));
      CHECK((sign < 0 ? l.s : l.complement) == Approx(smaller).epsilon(1e-15));
      CHECK((sign < 0 ? l.complement : l.s) == Approx(larger).epsilon(1e-15));
    }
  CHECK(std::isnan(kernel::Logistic<float>(NAN).s));
}
