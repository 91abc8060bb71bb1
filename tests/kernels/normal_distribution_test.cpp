#include "vcell/kernels/normal_distribution.hpp"

#include <cmath>

#include "support/catch.hpp"
#include "support/largest_error.hpp"

using namespace vcell;
using vcell_test::worse;

TEST_CASE("normal_distribution: float against double", "[kernels]") {
  double distribution = 0, density = 0;
  for (double x = -12; x <= 12; x += 1e-3) {
    const auto single = kernel::normal_distribution(float(x));
    const auto wide = kernel::normal_distribution(double(float(x)));
    distribution = worse(distribution, std::abs(double(single.distribution) - wide.distribution));
    density = worse(density, std::abs(double(single.density) - wide.density));
    REQUIRE(single.distribution >= 0);
    REQUIRE(single.distribution <= 1);
  }
  CHECK(distribution < 2.5e-7);
  CHECK(density < 6e-8);
  CHECK(kernel::normal_distribution(0.0).distribution == 0.5);
  CHECK(kernel::normal_distribution(-INFINITY).distribution == 0);
  CHECK(kernel::normal_distribution(INFINITY).distribution == 1);
  CHECK(kernel::normal_distribution(float(INFINITY)).distribution == 1);
}
