// The distances between sets on the GPU against the reference's numbers.
#include "support/golden_op.hpp"
#include "vcell/kernels/copy.cuh"
#include "vcell/kernels/manhattan_distance.cuh"
#include "vcell/kernels/median_distance.cuh"
#include "vcell/kernels/set_discrepancy.cuh"
//
#include "cuda/support/device.hpp"
#include "vcell/ops/energy_distance.hpp"
#include "vcell/ops/maximum_mean_discrepancy.hpp"
#include "vcell/ops/mean_pairwise.hpp"
#include "vcell/tensor/memory_cuda.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

/// The largest squared norm of a cell, and the mean distance across the sets of a batch.
struct Sizes {
  double square = 0, distance = 0;

  Sizes(const Array& x, const Array& y) {
    const auto u = x.as<double>(), v = y.as<double>();
    const size_t sets = x.shape[0], n = x.shape[1], m = y.shape[1], columns = x.shape[2];
    const auto squared = [&](auto term) {
      double sum = 0;
      for (size_t c = 0; c < columns; ++c) sum += term(c) * term(c);
      return sum;
    };
    for (size_t b = 0; b < sets; ++b)
      for (size_t i = 0; i < n; ++i)
        for (size_t j = 0; j < m; ++j) {
          const double *p = &u[(b * n + i) * columns], *q = &v[(b * m + j) * columns];
          distance +=
              std::sqrt(squared([=](size_t c) { return p[c] - q[c]; })) / double(sets * n * m);
          square = std::max({square, squared([=](size_t c) { return p[c]; }),
                             squared([=](size_t c) { return q[c]; })});
        }
  }
};

/// Calls test(folder), unless there is no GPU or no golden.
template <class F>
void with_goldens(F test) {
  if (const auto reason = no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto folder = golden_folder("ops");
  if (!folder) VCELL_SKIP("golden folder ops is absent");
  test(*folder);
}

void check_energy_distance(const std::string& name) {
  with_goldens([&](const auto& folder) {
    check_golden_op<Cuda>(folder, name, [&](auto& c) {
      const Sizes sizes(c.array(".in.x"), c.array(".in.y"));
      if (c.is_float) c.bounds = {1e-6, 1e-6, 1e-6};
      c.bounds.out_scale = sizes.distance;
      // Far from the origin this reference is exact to fewer digits: |x|^2 - 2 x.y + |y|^2 cancels.
      if (name == "energy_distance" && sizes.distance > 0)
        c.bounds.gradient =
            std::max(c.bounds.gradient, 2 * std::numeric_limits<double>::epsilon() * sizes.square /
                                            (sizes.distance * sizes.distance));
      c.check(energy_distance(c.template input<3>("x"), c.template input<3>("y"),
                              {.floor_squared = c.attributes.at("floor_squared")}));
    });
  });
}

}  // namespace

TEST_CASE("cuda energy_distance: golden", "[cuda][golden]") {
  check_energy_distance("energy_distance");
}

TEST_CASE("cuda energy_distance: golden, exact", "[cuda][golden]") {
  check_energy_distance("energy_distance_exact");
}

TEST_CASE("cuda energy_distance: golden, on tensor cores", "[cuda][golden]") {
  if (const auto reason = no_device(); !reason.empty()) VCELL_SKIP(reason);
  const Context<Cuda> context(Precision::tf32);
  const UseContext use(context);
  check_energy_distance("energy_distance_exact");
}

TEST_CASE("cuda maximum_mean_discrepancy: golden", "[cuda][golden]") {
  with_goldens([](const auto& folder) {
    check_golden_op<Cuda>(folder, "rbf_mmd", [](auto& c) {
      const std::string estimator = c.attributes.at("estimator");
      REQUIRE((estimator[0] == 'V' || estimator[0] == 'U'));
      if (c.is_float) {
        // Means of values near 1 cancel; and the exponential of -t, with t known to two roundings
        // or so, has t times their relative error.
        c.bounds.rounding["out"] = 1e-7;
        const double largest = largest_magnitude(c.array(".f64.grad.x").template as<double>());
        const double t = largest > 0 ? std::max(1., -std::log(largest)) : 1;
        c.bounds.gradient =
            std::max(c.bounds.gradient, 2 * t * double(std::numeric_limits<float>::epsilon()));
      }
      c.check(maximum_mean_discrepancy(
          c.template input<3>("x"), c.template input<3>("y"),
          {.sigmas = {c.attributes.at("sigma")},
           .estimator = estimator[0] == 'V' ? MmdEstimator::biased : MmdEstimator::unbiased}));
    });
  });
}

TEST_CASE("cuda mean_pairwise: golden", "[cuda][golden]") {
  with_goldens([](const auto& folder) {
    check_golden_op<Cuda>(folder, "mean_pairwise", [](auto& c) {
      const auto set = [&](const char* name) {
        const auto x = c.template input<2>(name);
        return x.template reshape<3>({1, x.shape(0), x.shape(1)});
      };
      const auto x = set("x"), y = c.has("y") ? set("y") : x;
      const auto names = [&](const char* part) { return c.name.find(part) != c.name.npos; };
      const auto distance = names("_euclidean_")   ? PairDistance::euclidean
                            : names("_manhattan_") ? PairDistance::manhattan
                                                   : PairDistance::squared_euclidean;
      REQUIRE((distance != PairDistance::squared_euclidean || names("_squared_")));
      c.check(mean_pairwise(x, y, distance).template reshape<0>({}));
    });
  });
}
