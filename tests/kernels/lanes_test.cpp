#include "vcell/kernels/lanes.hpp"

#include <limits>

#include "support/catch.hpp"

using namespace vcell;

TEST_CASE("lanes: every term is taken once, for any number of them", "[kernels]") {
  for (size_t n = 0; n < 70; ++n)
    CHECK(kernel::sum_lanes<double>(n, [](size_t j) { return double(j + 1); }) ==
          double(n * (n + 1) / 2));
}

TEST_CASE("lanes: the largest term is found wherever it is", "[kernels]") {
  for (size_t n = 1; n < 140; ++n)
    for (size_t at = 0; at < n; ++at)
      CHECK(kernel::max_lanes<float>(
                n, [=](size_t j) { return j == at ? -1.0f : -2.0f - float(j % 5); }) == -1);
}

TEST_CASE("lanes: the largest of nothing, and beside what is not a number", "[kernels]") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  CHECK(kernel::max_lanes<double>(0, [](size_t) { return 1.0; }) == -infinity);
  for (size_t at = 0; at < 40; ++at)
    CHECK(kernel::max_lanes<double>(40, [=](size_t j) {
            return j == at ? std::numeric_limits<double>::quiet_NaN() : double(j);
          }) == (at == 39 ? 38 : 39));
}
