// The distances between sets against the reference's numbers.
#include "support/golden_op.hpp"
#include "vcell/ops/maximum_mean_discrepancy.hpp"
#include "vcell/ops/mean_pairwise.hpp"
#include "vcell/ops/scale.hpp"
#include "vcell/ops/sinkhorn_divergence.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

bool ends_with(const std::string& name, const std::string& end) {
  return name.size() >= end.size() && name.substr(name.size() - end.size()) == end;
}

}  // namespace

TEST_CASE("maximum_mean_discrepancy: golden", "[ops][golden]") {
  const auto folder = golden_folder("ops");
  if (!folder) VCELL_SKIP("golden folder ops is absent");
  check_golden_op(*folder, "rbf_mmd", [](auto& c) {
    const std::string estimator = c.attributes.at("estimator");
    REQUIRE((estimator[0] == 'V' || estimator[0] == 'U'));
    // Means of values near 1 cancel.
    if (c.is_float) c.bounds.rounding["out"] = 1e-7;
    // The exponential of -t, with t known to two roundings or so, has t times their relative error;
    // the largest of the gradients tells how large t is where the kernel has nearly vanished.
    if (c.is_float) {
      const double largest = largest_magnitude(c.array(".f64.grad.x").template as<double>());
      const double t = largest > 0 ? std::max(1., -std::log(largest)) : 1;
      c.bounds.gradient =
          std::max(c.bounds.gradient, 2 * t * std::numeric_limits<float>::epsilon());
    }
    c.check(maximum_mean_discrepancy(
        c.template input<3>("x"), c.template input<3>("y"),
        {.sigmas = {c.attributes.at("sigma")},
         .estimator = estimator[0] == 'V' ? MmdEstimator::biased : MmdEstimator::unbiased}));
  });
}

TEST_CASE("maximum_mean_discrepancy: golden, geomloss has half of it", "[ops][golden]") {
  const auto folder = golden_folder("ops");
  if (!folder) VCELL_SKIP("golden folder ops is absent");
  check_golden_op(*folder, "geomloss_gaussian", [](auto& c) {
    if (c.is_float) c.bounds.rounding["out"] = 1e-7;
    c.check(scale(maximum_mean_discrepancy(c.template input<3>("x"), c.template input<3>("y"),
                                           {.sigmas = {c.attributes.at("sigma")}}),
                  0.5));
  });
}

TEST_CASE("mean_pairwise: golden", "[ops][golden]") {
  const auto folder = golden_folder("ops");
  if (!folder) VCELL_SKIP("golden folder ops is absent");
  check_golden_op(*folder, "mean_pairwise", [](auto& c) {
    const auto set = [&](const char* name) {
      const auto x = c.template input<2>(name);
      return x.template reshape<3>({1, x.shape(0), x.shape(1)});
    };
    const auto x = set("x"), y = c.has("y") ? set("y") : x;
    const bool is_euclidean = c.name.find("_euclidean_") != c.name.npos;
    REQUIRE(
        (is_euclidean || ends_with(c.name, "_squared_xy") || ends_with(c.name, "_manhattan_xy")));
    const auto distance = is_euclidean                       ? PairDistance::euclidean
                          : ends_with(c.name, "_squared_xy") ? PairDistance::squared_euclidean
                                                             : PairDistance::manhattan;
    c.check(mean_pairwise(x, y, distance).template reshape<0>({}));
  });
}

TEST_CASE("sinkhorn_divergence: golden", "[ops][golden]") {
  const auto folder = golden_folder("ops");
  if (!folder) VCELL_SKIP("golden folder ops is absent");
  check_golden_op(*folder, "sinkhorn_divergence", [](auto& c) {
    const double diameter = c.attributes.at("diameter").at("f64");
    const kernel::EpsilonSchedule schedule{diameter, c.attributes.at("blur"),
                                           c.attributes.at("scaling")};
    const auto& epsilons = c.attributes.at("epsilons").at("f64");
    REQUIRE(schedule.count() == epsilons.size());
    for (size_t i = 0; i < epsilons.size(); ++i)
      CHECK(schedule[i] == Approx(double(epsilons.at(i))).epsilon(1e-12));
    c.bounds = c.is_float ? GoldenBounds{1e-6, 1e-6, 1e-6} : GoldenBounds{1e-10, 1e-10, 1e-12};
    c.check(sinkhorn_divergence(
        c.template input<3>("x"), c.template input<3>("y"),
        {.blur = c.attributes.at("blur"), .scaling = c.attributes.at("scaling")}));
  });
}
