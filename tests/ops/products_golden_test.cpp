// The operations made of products against the reference's numbers.
#include "support/attention_rounding.hpp"
#include "support/golden_op.hpp"
#include "vcell/ops/attention.hpp"
#include "vcell/ops/energy_distance.hpp"
#include "vcell/ops/linear.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

/// The mean distance between the points of x and those of y, over all sets.
double mean_distance(View<const double, 3> x, View<const double, 3> y) {
  double sum = 0;
  for (size_t b = 0; b < x.shape[0]; ++b)
    for (size_t i = 0; i < x.shape[1]; ++i)
      for (size_t j = 0; j < y.shape[1]; ++j) {
        double square = 0;
        for (size_t c = 0; c < x.shape[2]; ++c) square += std::pow(x(b, i, c) - y(b, j, c), 2);
        sum += std::sqrt(square);
      }
  return sum / double(x.shape[0] * x.shape[1] * y.shape[1]);
}

/// The largest squared norm.
double largest_square(View<const double, 3> x) {
  double largest = 0;
  for (size_t b = 0; b < x.shape[0]; ++b)
    for (size_t i = 0; i < x.shape[1]; ++i) {
      double square = 0;
      for (size_t c = 0; c < x.shape[2]; ++c) square += x(b, i, c) * x(b, i, c);
      largest = std::max(largest, square);
    }
  return largest;
}

void check_energy_distance(const std::filesystem::path& folder, const std::string& name) {
  check_golden_op(folder, name, [&](auto& c) {
    const auto xd = c.template data<double, 3>("x"), yd = c.template data<double, 3>("y");
    if (c.is_float) c.bounds = {1e-6, 1e-6, 1e-6};
    c.bounds.out_scale = mean_distance(xd.view(), yd.view());
    // Far from the origin this reference is exact to fewer digits: |x|^2 - 2 x.y + |y|^2 cancels.
    if (name == "energy_distance" && c.bounds.out_scale > 0) {
      const double square = std::max(largest_square(xd.view()), largest_square(yd.view()));
      c.bounds.gradient =
          std::max(c.bounds.gradient, 2 * std::numeric_limits<double>::epsilon() * square /
                                          (c.bounds.out_scale * c.bounds.out_scale));
    }
    c.check(energy_distance(c.template input<3>("x"), c.template input<3>("y"),
                            {.floor_squared = c.attributes.at("floor_squared")}));
  });
}

}  // namespace

TEST_CASE("linear: golden", "[ops][golden]") {
  const auto folder = golden_folder("ops");
  if (!folder) VCELL_SKIP("golden folder ops is absent");
  check_golden_op(*folder, "linear", [](auto& c) {
    with_rank(c.rank("x"), [&](auto rank) {
      const auto x = c.template input<rank>("x");
      const auto w = c.template input<2>("weight");
      c.check(c.has("bias") ? linear(x, w, c.template input<1>("bias")) : linear(x, w));
    });
  });
}

TEST_CASE("attention: golden", "[ops][golden]") {
  const auto folder = golden_folder("ops");
  if (!folder) VCELL_SKIP("golden folder ops is absent");
  check_golden_op(*folder, "attention", []<class T>(GoldenCase<T>& c) {
    AttentionMask<> mask;
    if (c.has("mask")) mask.allowed = Variable<bool, 4>(c.template data<bool, 4>("mask"));
    const double scale = c.attributes.at("scale");
    if (c.name == "large") allow_rounding(c, scale);
    c.check(attention(c.template input<4>("q"), c.template input<4>("k"), c.template input<4>("v"),
                      mask, {.scale = scale}));
  });
}

TEST_CASE("energy_distance: golden", "[ops][golden]") {
  const auto folder = golden_folder("ops");
  if (!folder) VCELL_SKIP("golden folder ops is absent");
  check_energy_distance(*folder, "energy_distance");
}

TEST_CASE("energy_distance: golden, exact", "[ops][golden]") {
  const auto folder = golden_folder("ops");
  if (!folder) VCELL_SKIP("golden folder ops is absent");
  check_energy_distance(*folder, "energy_distance_exact");
}
