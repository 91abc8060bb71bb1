#include "vcell/ops/log_softmax.hpp"

#include <cmath>
#include <limits>

#include "support/check_op.hpp"
#include "support/threads.hpp"

using namespace vcell;
using namespace vcell_test;

TEST_CASE("log_softmax: value, gradient, errors", "[ops]") {
  for (const auto& size :
       {Shape<3>{2, 5, 3}, Shape<3>{1, 1, 1}, Shape<3>{3, 0, 2}, Shape<3>{1, 3, 37}}) {
    const auto x = parameter<3>(size, 1);
    for (size_t axis = 0; axis < 3; ++axis) {
      std::vector<double> expected;
      for (size_t i = 0; i < size[0]; ++i)
        for (size_t j = 0; j < size[1]; ++j)
          for (size_t k = 0; k < size[2]; ++k) {
            Shape<3> at{i, j, k};
            double sum = 0;
            for (at[axis] = 0; at[axis] < size[axis]; ++at[axis])
              sum += std::exp(x.value()(at[0], at[1], at[2]));
            expected.push_back(x.value()(i, j, k) - std::log(sum));
          }
      check_op([=](const auto& v) { return log_softmax(v, int(axis)); }, size, expected, {}, x);
      if (axis == 2) check_op([](const auto& v) { return log_softmax(v); }, size, expected, {}, x);
    }
    for (const int axis : {-1, 3})
      check_error<ShapeError>([&] { log_softmax(x, axis); },
                              {"log_softmax", "axis is " + std::to_string(axis)});
  }
}

TEST_CASE("log_softmax: nothing overflows, minus infinity stays", "[ops]") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  using V = std::vector<double>;
  const auto of = [](V x) {
    const Variable<double, 1> v(Tensor<double, 1>({x.size()}, x), true);
    const auto y = log_softmax(v);
    V all(y.value().begin(), y.value().end());
    const V cotangent{1, 2, 3};
    backward(y, View<const double, 1>{cotangent.data(), {3}});
    all.insert(all.end(), v.gradient().begin(), v.gradient().end());
    return all;
  };
  const double half = std::log(0.5);
  CHECK(of({1e308, 0, -infinity}) == V{0, -1e308, -infinity, -5, 2, 3});
  CHECK(of({-1e300, -1e300, -infinity}) == V{half, half, -infinity, -2, -1, 3});
  CHECK(of({0, -800, -800})[1] == -800);  // where the softmax itself is 0
  for (const double y : of({-infinity, -infinity, -infinity})) CHECK(std::isnan(y));
  for (const double y : of({infinity, 0, 1})) CHECK(std::isnan(y));
  for (const double y : of({NAN, 0, 1})) CHECK(std::isnan(y));
}

TEST_CASE("log_softmax: a constant added to a row changes nothing", "[ops]") {
  // Whole numbers, so that moving them is exact.
  Tensor<float, 2> x({1, 50}), moved({1, 50});
  Rng rng(1);
  for (size_t j = 0; j < 50; ++j) moved[0][j] = (x[0][j] = float(rng.below(20))) + 10000;
  const auto y = log_softmax(Variable<float, 2>(x)), z = log_softmax(Variable<float, 2>(moved));
  CHECK(std::equal(y.value().begin(), y.value().end(), z.value().begin()));
}

TEST_CASE("log_softmax: the same bytes on any number of threads", "[ops]") {
  const auto x = parameter<3, float>({13, 70, 101}, 1);
  check_same_on_any_threads(
      [&] { return value_and_gradients([](const auto& v) { return log_softmax(v, 1); }, x); });
}
