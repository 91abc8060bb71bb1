#include <cmath>
#include <limits>

#include "support/check_op.hpp"
#include "support/threads.hpp"
#include "vcell/ops/dropout.hpp"
#include "vcell/ops/gelu.hpp"
#include "vcell/ops/leaky_relu.hpp"
#include "vcell/ops/relu.hpp"
#include "vcell/ops/silu.hpp"
#include "vcell/ops/softplus.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

double phi(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }
double gelu_tanh_of(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
}

template <class Op, class Plain>
void check_activation(Op op, Plain plain) {
  for (const auto& shape : {Shape<2>{3, 5}, Shape<2>{1, 1}, Shape<2>{0, 2}, Shape<2>{7, 33}}) {
    const auto x = parameter<2>(shape, 1);
    std::vector<double> expected;
    for (const double v : x.value()) expected.push_back(plain(v));
    check_op(op, shape, expected, {}, x);
  }
  // In float over the whole range, within a few units of the last place of the largest results.
  Tensor<float, 1> range({4001});
  for (size_t i = 0; i < range.count(); ++i) range[i] = (float(i) - 2000) * 0.01f;
  const Variable<float, 1> x(range, true);
  const auto y = op(x);
  double error = 0;
  for (size_t i = 0; i < range.count(); ++i)
    error = worse(error, std::abs(double(y.value()[i]) - plain(double(range[i]))) /
                             std::max(1.0, std::abs(double(range[i]))));
  CHECK(error < 3e-7);
  const auto wide = parameter<1, float>({50001}, 3);
  check_same_on_any_threads([&] { return value_and_gradients(op, wide); });
}

/// Value and derivative at one point, in T.
template <class T, class Op>
std::array<double, 2> at(Op op, T x) {
  const Variable<T, 1> v(Tensor<T, 1>({1}, std::array<T, 1>{x}), true);
  const auto y = op(v);
  const T one = 1;
  backward(y, View<const T, 1>{&one, {1}});
  return {double(y.value()[0]), double(v.gradient()[0])};
}

using Pair = std::array<double, 2>;

/// Far out an activation is 0 or x, its derivative 0 or 1, and nothing overflows on the way.
template <class T, class Op>
void check_far_out(Op op) {
  for (const double x : {1e2, 1e4, 1e18, 1e30}) {
    CHECK(at(op, T(x)) == Pair{double(T(x)), 1});
    const auto [value, derivative] = at(op, T(-x));
    CHECK(std::abs(value) < 1e-30);
    CHECK(std::abs(derivative) < 1e-30);
  }
  CHECK(std::isnan(at(op, T(NAN))[0]));
}

const auto gelu_op = [](const auto& x) { return gelu(x); };
const auto gelu_tanh_op = [](const auto& x) { return gelu_tanh(x); };
const auto silu_op = [](const auto& x) { return silu(x); };
const auto relu_op = [](const auto& x) { return relu(x); };

}  // namespace

TEST_CASE("gelu: value, gradient", "[ops]") {
  check_activation(gelu_op, [](double x) { return x * phi(x); });
  check_far_out<float>(gelu_op);
  check_far_out<double>(gelu_op);
  CHECK(at(gelu_op, 0.0) == Pair{0, 0.5});
  CHECK(at(gelu_op, infinity) == Pair{infinity, 1});
}

TEST_CASE("gelu: float keeps its digits far to the left", "[ops]") {
  for (const float x : {-1.f, -2.f, -3.f, -4.f, -6.f}) {
    const double exact = x * phi(x);
    CHECK(at(gelu_op, x)[0] == Approx(exact).epsilon(0.02).margin(1e-12));
    CHECK(std::abs(at(gelu_op, x)[0] - exact) < 3e-7);
  }
}

TEST_CASE("gelu_tanh: value, gradient", "[ops]") {
  check_activation(gelu_tanh_op, gelu_tanh_of);
  check_far_out<float>(gelu_tanh_op);
  check_far_out<double>(gelu_tanh_op);
  CHECK(at(gelu_tanh_op, 0.0) == Pair{0, 0.5});
}

TEST_CASE("silu: value, gradient", "[ops]") {
  check_activation(silu_op, [](double x) { return x / (1 + std::exp(-x)); });
  check_far_out<float>(silu_op);
  check_far_out<double>(silu_op);
  CHECK(at(silu_op, 0.0) == Pair{0, 0.5});
}

TEST_CASE("relu: value, gradient", "[ops]") {
  check_activation(relu_op, [](double x) { return std::max(x, 0.0); });
  check_far_out<float>(relu_op);
  CHECK(at(relu_op, 0.0) == Pair{0, 0});
  CHECK(at(relu_op, -0.0) == Pair{0, 0});
  CHECK(at(relu_op, infinity) == Pair{infinity, 1});
  CHECK(at(relu_op, -infinity) == Pair{0, 0});
}

TEST_CASE("leaky_relu: value, gradient", "[ops]") {
  for (const double slope : {0.01, 0.2, -0.5}) {
    const auto op = [=](const auto& x) { return leaky_relu(x, {.slope = slope}); };
    check_activation(op, [=](double x) { return x > 0 ? x : slope * x; });
    CHECK(at(op, 0.0) == Pair{0, slope});
    CHECK(at(op, infinity) == Pair{infinity, 1});
    CHECK(at(op, -2.0) == Pair{-2 * slope, slope});
    CHECK(std::isnan(at(op, double(NAN))[0]));
  }
  CHECK(at([](const auto& x) { return leaky_relu(x); }, -1.0) == Pair{-0.01, 0.01});
}

TEST_CASE("softplus: value, gradient", "[ops]") {
  const auto op = [](const auto& x) { return softplus(x); };
  check_activation(op,
                   [](double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); });
  check_far_out<float>(op);
  check_far_out<double>(op);
  CHECK(at(op, 0.0)[0] == Approx(std::log(2.0)).epsilon(1e-15));
  CHECK(at(op, 0.0)[1] == 0.5);
  CHECK(at(op, -30.0)[0] == Approx(std::exp(-30.0)).epsilon(1e-12));  // its digits are there
  CHECK(at(op, infinity) == Pair{infinity, 1});
  CHECK(at([](const auto& x) { return softplus(x, {.least = 0.25}); }, -infinity) == Pair{0.25, 0});
}

TEST_CASE("dropout: the mask is a function of its place", "[ops]") {
  const DropoutOptions options{.probability = 0.3, .seed = 5, .stream = 9};
  const auto x = parameter<2>({7, 13}, 1);
  // Element i is kept by word i % 4 of block i / 4.
  std::vector<double> expected(x.count());
  for (size_t i = 0; i < x.count(); ++i)
    if (unit_float(philox(5, {i / 4, 9})[i % 4]) >= 0.3f)
      expected[i] = x.value().data[i] / (1 - double(0.3f));
  const auto op = [=](const auto& v) { return dropout(v, options); };
  check_op(op, x.shape(), expected,
           {fails<ConfigError>([&] { dropout(x, {.probability = 1}); }, {"dropout", "1"}),
            fails<ConfigError>([&] { dropout(x, {.probability = -0.1}); }, {"dropout", "-0.1"}),
            fails<ConfigError>([&] { dropout(x, {.probability = NAN}); }, {"dropout", "nan"})},
           x);
  const auto other = dropout(x, {.probability = 0.3, .seed = 5, .stream = 10});
  CHECK(largest_error(other.value(), expected) > 0.1);
}

TEST_CASE("dropout: each step has a stream of its own", "[ops]") {
  const DropoutOptions options{.probability = 0.3, .seed = 5, .stream = 9};
  const auto x = parameter<2>({7, 13}, 1);
  Tensor<kernel::StepNumbers, 0> numbers;
  for (const uint64_t step : {uint64_t(0), uint64_t(1), uint64_t(40000), ~uint64_t(0)}) {
    numbers().step = step;
    std::vector<double> expected(x.count());
    for (size_t i = 0; i < x.count(); ++i)
      if (unit_float(philox(5, {i / 4, 9 + step * 0x9E3779B97F4A7C15u})[i % 4]) >= 0.3f)
        expected[i] = x.value().data[i] / (1 - double(0.3f));
    const auto sent = std::as_const(numbers).view();
    check_op([=](const auto& v) { return dropout(v, options, sent); }, x.shape(), expected, {}, x);
  }
}

TEST_CASE("dropout: probability 0 is the input itself", "[ops]") {
  const auto x = parameter<1>({3}, 1);
  CHECK(dropout(x, {.probability = 0}).node() == x.node());
  check_op([](const auto& v) { return dropout(v, {.probability = 0.5}); }, Shape<1>{0}, {}, {},
           parameter<1>({0}, 1));
}

TEST_CASE("dropout: share of zeros and mean", "[ops]") {
  const Variable<float, 1> ones(Tensor<float, 1>({200000}, std::vector<float>(200000, 1)), true);
  for (const double p : {0.1, 0.5, 0.9}) {
    const auto y = dropout(ones, {.probability = p, .seed = 1});
    const auto zeros = std::count(y.value().begin(), y.value().end(), 0.f);
    CHECK(double(zeros) / 200000 == Approx(p).margin(4 * std::sqrt(p * (1 - p) / 200000)));
    for (const float v : y.value())
      if (v != 0) REQUIRE(v == Approx(1 / (1 - p)).epsilon(1e-6));
  }
  check_same_on_any_threads([&] {
    return value_and_gradients([](const auto& x) { return dropout(x, {.probability = 0.4}); },
                               ones);
  });
}
