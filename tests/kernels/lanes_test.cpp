#include "vcell/kernels/lanes.hpp"

#include "support/catch.hpp"

using namespace vcell;

TEST_CASE("lanes: every term is taken once, for any number of them", "[kernels]") {
  for (size_t n = 0; n < 70; ++n)
    CHECK(kernel::sum_lanes<double>(n, [](size_t j) { return double(j + 1); }) ==
          double(n * (n + 1) / 2));
}

TEST_CASE("lanes: any combination", "[kernels]") {
  for (size_t n = 1; n < 70; ++n)
    for (size_t at = 0; at < n; ++at)
      CHECK(kernel::reduce_lanes(
                n, -1, [=](size_t j) { return j == at ? 5 : int(j % 5); },
                [](int a, int b) { return b > a ? b : a; }) == 5);
}
