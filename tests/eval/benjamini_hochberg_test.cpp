#include "vcell/eval/benjamini_hochberg.hpp"

#include <limits>

#include "support.hpp"
#include "support/catch.hpp"

using namespace vcell_test;

namespace {

std::vector<double> fdr_of(const std::vector<double>& p) {
  std::vector<double> fdr(p.size());
  benjamini_hochberg(p, fdr);
  return fdr;
}

}  // namespace

TEST_CASE("benjamini_hochberg: the example of the definition", "[eval]") {
  const auto fdr = fdr_of({0.04, 0.01, 0.03, 0.9});
  const std::vector<double> expected = {0.04 * 4 / 3, 0.04, 0.04 * 4 / 3, 0.9};
  for (size_t i = 0; i < 4; ++i) REQUIRE(fdr[i] == Approx(expected[i]).epsilon(1e-14));
}

TEST_CASE("benjamini_hochberg: is the least of p_j n / j over larger p", "[eval]") {
  Rng rng(2);
  for (size_t n : {0, 1, 2, 50, 600}) {
    std::vector<double> p(n);
    // Some differ in their last digits alone.
    for (double& x : p) x = (double(rng.below(20)) + 1e-13 * double(rng.below(3))) / 20;
    const auto fdr = fdr_of(p);
    for (size_t i = 0; i < n; ++i) {
      double least = 1;
      for (double threshold : p) {
        if (threshold < p[i]) continue;
        double below = 0;
        for (double x : p) below += x <= threshold;
        least = std::min(least, threshold * double(n) / below);
      }
      REQUIRE(fdr[i] == least);
    }
  }
}

TEST_CASE("benjamini_hochberg: NaN counts as 1, sizes must fit", "[eval]") {
  const auto fdr = fdr_of({std::numeric_limits<double>::quiet_NaN(), 0.01});
  REQUIRE(fdr[0] == 1);
  REQUIRE(fdr[1] == 0.02);
  std::vector<double> p(2), short_one(1);
  REQUIRE_THROWS_AS(benjamini_hochberg(p, short_one), ShapeError);
}
