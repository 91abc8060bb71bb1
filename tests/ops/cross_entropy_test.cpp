#include "vcell/ops/cross_entropy.hpp"

#include <cmath>
#include <limits>

#include "support/check_op.hpp"
#include "support/threads.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

Tensor<int32_t, 1> labels_of(std::vector<int32_t> values) {
  return Tensor<int32_t, 1>({values.size()}, values);
}

}  // namespace

TEST_CASE("cross_entropies: value, gradient, errors", "[ops]") {
  for (const size_t classes : {1, 2, 5, 37}) {
    const auto x = parameter<2>({4, classes}, classes);
    const int32_t last = int32_t(classes) - 1;
    const auto labels = labels_of({0, last, last / 2, 0});
    std::vector<double> expected;
    for (size_t i = 0; i < 4; ++i) {
      double sum = 0;
      for (size_t j = 0; j < classes; ++j) sum += std::exp(x.value()(i, j));
      expected.push_back(std::log(sum) - x.value()(i, size_t(labels(i))));
    }
    check_op([&](const auto& v) { return cross_entropies(v, labels); }, Shape<1>{4}, expected, {},
             x);
  }
  const auto x = parameter<2>({3, 4}, 1), none = parameter<2>({0, 4}, 1);
  check_op([&](const auto& v) { return cross_entropies(v, labels_of({})); }, Shape<1>{0}, {}, {},
           none);
  check_error<ShapeError>(
      [&] {
        cross_entropies(x, labels_of({0, 4, 1}));
      },
      {"cross_entropies: label 4 of row 1", "< 4"});
  check_error<ShapeError>(
      [&] {
        cross_entropies(x, labels_of({0, 3, -1}));
      },
      {"cross_entropies: label -1 of row 2"});
  check_error<ShapeError>(
      [&] {
        cross_entropies(x, labels_of({0, 3}));
      },
      {"cross_entropies: rows of logits (3)", "labels (2)"});
  check_error<ShapeError>(
      [&] {
        cross_entropies(parameter<2>({1, 0}, 1), labels_of({0}));
      },
      {"label 0 of row 0", "< 0"});
}

TEST_CASE("cross_entropy: mean, sum, errors", "[ops]") {
  const auto x = parameter<2>({3, 4}, 1);
  const auto labels = labels_of({3, 0, 1});
  const auto each = cross_entropies(x, labels);
  const double sum = each.value()(0) + each.value()(1) + each.value()(2);
  check_op([&](const auto& v) { return cross_entropy(v, labels); }, Shape<0>{}, {sum / 3}, {}, x);
  check_op([&](const auto& v) { return cross_entropy(v, labels, Reduction::sum); }, Shape<0>{},
           {sum}, {}, x);
  for (const auto reduction : {Reduction::mean, Reduction::sum})
    check_error<ShapeError>(
        [&] {
          cross_entropy(parameter<2>({0, 4}, 1), labels_of({}), reduction);
        },
        {"cross_entropy: logits (0, 4) have no rows"});
}

TEST_CASE("cross_entropies: far from and close to certain, every digit stays", "[ops]") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  using V = std::vector<double>;
  const auto of = [](V x, int32_t label) {
    const Variable<double, 2> v(Tensor<double, 2>({1, x.size()}, x), true);
    const auto y = cross_entropies(v, labels_of({label}));
    pull_back(y);
    V all{y.value()(0)};
    const double cotangent = random_tensor<double, 1>({1}, 11)(0);
    for (const double g : v.gradient()) all.push_back(g / cotangent);
    return all;
  };
  CHECK(of({0, -1000}, 1) == V{1000, 1, -1});
  CHECK(of({1e308, -1e308}, 0) == V{0, 0, 0});
  CHECK(of({3, -infinity}, 0) == V{0, 0, 0});
  CHECK(of({3, -infinity}, 1) == V{infinity, 1, -1});
  const double rest = std::exp(-60.0);  // far below what 1 + rest has room for
  const V sure = of({60, 0, 0}, 0);
  CHECK(sure[0] == Approx(2 * rest).epsilon(1e-14));
  CHECK(sure[1] == Approx(-2 * rest).epsilon(1e-14));
  CHECK(sure[2] == Approx(rest).epsilon(1e-14));
  for (const double y : of({-infinity, -infinity}, 0)) CHECK(std::isnan(y));
  for (const double y : of({NAN, 0}, 1)) CHECK(std::isnan(y));
}

TEST_CASE("cross_entropies: the same bytes on any number of threads", "[ops]") {
  const auto x = parameter<2, float>({700, 101}, 1);
  std::vector<int32_t> classes(700);
  Rng rng(2);
  for (int32_t& c : classes) c = int32_t(rng.below(101));
  check_same_on_any_threads([&] {
    return value_and_gradients(
        [&](const auto& v) { return cross_entropies(v, labels_of(classes)); }, x);
  });
}
