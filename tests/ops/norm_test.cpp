#include <cmath>

#include "support/check_op.hpp"
#include "support/threads.hpp"
#include "vcell/ops/layer_norm.hpp"
#include "vcell/ops/rms_norm.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

const auto layer_norm_op = [](const auto&... inputs) { return layer_norm(inputs...); };
const auto rms_norm_op = [](const auto& x, const auto& w) { return rms_norm(x, w); };

std::vector<double> plain_layer_norm(View<const double, 2> x, const double* w, const double* b,
                                     double epsilon) {
  const auto [rows, n] = x.shape;
  std::vector<double> y;
  for (size_t i = 0; i < rows; ++i) {
    double mean = 0, variance = 0;
    for (size_t j = 0; j < n; ++j) mean += x(i, j) / double(n);
    for (size_t j = 0; j < n; ++j) variance += std::pow(x(i, j) - mean, 2) / double(n);
    for (size_t j = 0; j < n; ++j)
      y.push_back((x(i, j) - mean) / std::sqrt(variance + epsilon) * (w ? w[j] : 1) +
                  (b ? b[j] : 0));
  }
  return y;
}

std::vector<double> plain_rms_norm(View<const double, 2> x, const double* w, double epsilon) {
  const auto [rows, n] = x.shape;
  std::vector<double> y;
  for (size_t i = 0; i < rows; ++i) {
    double square = 0;
    for (size_t j = 0; j < n; ++j) square += x(i, j) * x(i, j) / double(n);
    for (size_t j = 0; j < n; ++j) y.push_back(x(i, j) / std::sqrt(square + epsilon) * w[j]);
  }
  return y;
}

constexpr std::array<Shape<2>, 5> shapes{{{3, 5}, {1, 2}, {0, 4}, {5, 37}, {40, 16}}};

}  // namespace

TEST_CASE("layer_norm: value, gradient, errors", "[ops]") {
  for (const auto& shape : shapes) {
    const auto x = parameter<2>(shape, 1);
    const auto w = parameter<1>({shape[1]}, 2), b = parameter<1>({shape[1]}, 3);
    const double *wp = w.value().data, *bp = b.value().data;
    check_op(layer_norm_op, shape, plain_layer_norm(x.value(), wp, bp, 1e-5), {}, x, w, b);
    check_op(layer_norm_op, shape, plain_layer_norm(x.value(), wp, nullptr, 1e-5), {}, x, w);
    check_op(layer_norm_op, shape, plain_layer_norm(x.value(), nullptr, nullptr, 1e-5), {}, x);
    check_op([](const auto& v, const auto& u,
                const auto& c) { return layer_norm(v, u, c, {.epsilon = 0.5}); },
             shape, plain_layer_norm(x.value(), wp, bp, 0.5), {}, x, w, b);
  }
  const auto x = parameter<3>({2, 3, 5}, 1);
  const auto five = parameter<1>({5}, 1), four = parameter<1>({4}, 1);
  check_op(layer_norm_op, x.shape(),
           plain_layer_norm(x.value().matrix(), five.value().data, nullptr, 1e-5),
           {fails<ShapeError>([&] { layer_norm(x, four); }, {"layer_norm", "weight", "5", "4"}),
            fails<ShapeError>([&] { layer_norm(x, five, four); }, {"layer_norm", "bias", "5", "4"}),
            fails<ConfigError>([&] { layer_norm(x, five, five, {.epsilon = 0}); },
                               {"layer_norm", "epsilon is 0"})},
           x, five);
}

TEST_CASE("rms_norm: value, gradient, errors", "[ops]") {
  for (const auto& shape : shapes) {
    const auto x = parameter<2>(shape, 1);
    const auto w = parameter<1>({shape[1]}, 2);
    check_op(rms_norm_op, shape, plain_rms_norm(x.value(), w.value().data, 1e-6), {}, x, w);
  }
  const auto x = parameter<3>({2, 3, 5}, 1);
  const auto w = parameter<1>({5}, 2);
  check_op(
      [](const auto& v, const auto& u) { return rms_norm(v, u, {.epsilon = 0.5}); }, x.shape(),
      plain_rms_norm(x.value().matrix(), w.value().data, 0.5),
      {fails<ShapeError>([&] { rms_norm(x, parameter<1>({4}, 1)); }, {"rms_norm", "5", "4"}),
       fails<ConfigError>([&] { rms_norm(x, w, {.epsilon = -1}); }, {"rms_norm", "epsilon is -1"})},
      x, w);
}

TEST_CASE("norm: rows of zeros and constant rows stay finite", "[ops]") {
  for (const float value : {0.f, 3.f}) {
    const Variable<float, 2> x(Tensor<float, 2>({1, 20}, std::vector<float>(20, value)), true);
    const auto w = parameter<1, float>({20}, 1);
    for (const float v : value_and_gradients(layer_norm_op, x, w)) CHECK(std::isfinite(v));
    for (const float v : value_and_gradients(rms_norm_op, x, w)) CHECK(std::isfinite(v));
    const auto y = layer_norm(x);
    for (const float v : y.value()) CHECK(v == 0);
  }
}

TEST_CASE("layer_norm: moving and scaling the input changes nothing", "[ops]") {
  const auto x = parameter<2>({3, 50}, 1);
  Tensor<double, 2> other(x.shape());
  for (size_t i = 0; i < other.count(); ++i) other.data()[i] = 4096 * x.value().data[i] - 4e5;
  const auto y = layer_norm(x), z = layer_norm(Variable<double, 2>(other));
  // epsilon 1e-5 stands beside a variance of one.
  CHECK(largest_error(z.value(), y.value()) < 2e-5);
}

TEST_CASE("norm: the same bytes on any number of threads", "[ops]") {
  const auto x = parameter<3, float>({5, 77, 203}, 1);
  const auto w = parameter<1, float>({203}, 2), b = parameter<1, float>({203}, 3);
  check_same_on_any_threads([&] { return value_and_gradients(layer_norm_op, x, w, b); });
  check_same_on_any_threads([&] { return value_and_gradients(rms_norm_op, x, w); });
}
