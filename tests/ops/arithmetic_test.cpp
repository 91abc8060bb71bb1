#include "support/check_op.hpp"
#include "support/threads.hpp"
#include "vcell/ops/add.hpp"
#include "vcell/ops/add_to_sets.hpp"
#include "vcell/ops/mean.hpp"
#include "vcell/ops/mean_absolute_error.hpp"
#include "vcell/ops/mean_of_sets.hpp"
#include "vcell/ops/mean_squared_error.hpp"
#include "vcell/ops/multiply.hpp"
#include "vcell/ops/plus.hpp"
#include "vcell/ops/scale.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

/// f of the elements of variables of one shape.
template <class F, class First, class... Others>
std::vector<double> each(F f, const First& x, const Others&... others) {
  std::vector<double> y(x.count());
  for (size_t i = 0; i < y.size(); ++i) y[i] = f(x.value().data[i], others.value().data[i]...);
  return y;
}

template <class Op, class Plain>
void check_binary(const std::string& name, Op op, Plain plain) {
  const auto other = parameter<2>({3, 5}, 9);
  for (const auto& shape : {Shape<2>{3, 4}, Shape<2>{1, 1}, Shape<2>{0, 3}, Shape<2>{7, 13}}) {
    const auto a = parameter<2>(shape, 1), b = parameter<2>(shape, 2);
    check_op(op, shape, each(plain, a, b), {}, a, b);
  }
  const auto a = parameter<2>({3, 4}, 1);
  check_op(op, a.shape(), each(plain, a, a),
           {fails<ShapeError>([=] { op(a, other); }, {name + ": ", "(3, 4)", "(3, 5)"})}, a, a);
}

}  // namespace

TEST_CASE("add: value, gradient, errors", "[ops]") {
  check_binary(
      "add", [](const auto& a, const auto& b) { return add(a, b); }, std::plus<>());
}

TEST_CASE("multiply: value, gradient, errors", "[ops]") {
  check_binary(
      "multiply", [](const auto& a, const auto& b) { return multiply(a, b); }, std::multiplies<>());
}

TEST_CASE("scale: value, gradient", "[ops]") {
  for (const double factor : {0.0, -2.5}) {
    const auto x = parameter<3>({2, 3, 5}, 1);
    check_op([=](const auto& v) { return scale(v, factor); }, x.shape(),
             each([=](double v) { return factor * v; }, x), {}, x);
  }
}

TEST_CASE("plus: value, gradient, whole numbers", "[ops]") {
  const auto x = parameter<3>({2, 3, 5}, 1);
  check_op([=](const auto& v) { return plus(v, -2.5); }, x.shape(),
           each([=](double v) { return v - 2.5; }, x), {}, x);
  const int32_t lengths[] = {3, 0, 7};
  const auto longer = plus(Variable<int32_t, 1>(Tensor<int32_t, 1>({3}, lengths)), 2);
  CHECK(std::vector<int32_t>(longer.value().begin(), longer.value().end()) ==
        std::vector<int32_t>{5, 2, 9});
}

TEST_CASE("mean: value, gradient, errors", "[ops]") {
  const auto x = parameter<2>({3, 5}, 1);
  double sum = 0;
  for (const double v : x.value()) sum += v;
  check_op([](const auto& v) { return mean(v); }, Shape<0>{}, {sum / 15},
           {fails<ShapeError>(
               [] {
                 mean(parameter<2>({0, 4}, 1));
               },
               {"mean", "(0, 4)"})},
           x);
  const auto one = parameter<1>({1}, 2);
  check_op([](const auto& v) { return mean(v); }, Shape<0>{}, {one.value()[0]}, {}, one);
}

TEST_CASE("mean_of_sets: value, gradient, errors", "[ops]") {
  const auto x = parameter<3>({2, 3, 4}, 3);
  const int32_t lengths[] = {1, 3};
  const Variable<int32_t, 1> n(Tensor<int32_t, 1>({2}, lengths));
  double sum = 0;
  for (size_t s = 0; s < 2; ++s)
    for (size_t i = 0; i < 4 * size_t(lengths[s]); ++i) sum += x.value()[s].data[i];
  const auto short_one = Variable<int32_t, 1>(Tensor<int32_t, 1>({1}));
  check_op([&](const auto& v) { return mean_of_sets(v, n); }, Shape<0>{}, {sum / 16},
           {fails<ShapeError>([&] { mean_of_sets(x, short_one); }, {"mean_of_sets", "1", "2"})}, x);
  CHECK(mean_of_sets(x).value()() == mean(x).value()());
}

TEST_CASE("mean_squared_error: value, gradient, errors", "[ops]") {
  const auto x = parameter<2>({7, 5}, 1), y = parameter<2>({7, 5}, 2);
  double sum = 0;
  for (const double d : each(std::minus<>(), x, y)) sum += d * d;
  check_op(
      [](const auto& a, const auto& b) { return mean_squared_error(a, b); }, Shape<0>{}, {sum / 35},
      {fails<ShapeError>(
           [&] {
             mean_squared_error(x, parameter<2>({5, 7}, 1));
           },
           {"mean_squared_error: ", "(7, 5)", "(5, 7)"}),
       fails<ShapeError>([] { mean_squared_error(parameter<1>({0}, 1), parameter<1>({0}, 1)); },
                         {"mean_squared_error", "(0)"})},
      x, y);
  const auto by_sum = [](const auto& a, const auto& b) {
    return mean_squared_error(a, b, Reduction::sum);
  };
  check_op(by_sum, Shape<0>{}, {sum}, {}, x, y);
  CHECK(by_sum(parameter<1>({0}, 1), parameter<1>({0}, 1)).value()() == 0);
  CHECK(mean_squared_error(x, x).value()() == 0);
}

TEST_CASE("mean_absolute_error: value, gradient, errors", "[ops]") {
  const auto x = parameter<2>({7, 5}, 1), y = parameter<2>({7, 5}, 2);
  double sum = 0;
  for (const double d : each(std::minus<>(), x, y)) sum += std::abs(d);
  check_op(
      [](const auto& a, const auto& b) { return mean_absolute_error(a, b); }, Shape<0>{},
      {sum / 35},
      {fails<ShapeError>(
           [&] {
             mean_absolute_error(x, parameter<2>({5, 7}, 1));
           },
           {"mean_absolute_error: ", "(7, 5)", "(5, 7)"}),
       fails<ShapeError>([] { mean_absolute_error(parameter<1>({0}, 1), parameter<1>({0}, 1)); },
                         {"mean_absolute_error", "(0)"})},
      x, y);
  check_op([](const auto& a, const auto& b) { return mean_absolute_error(a, b, Reduction::sum); },
           Shape<0>{}, {sum}, {}, x, y);
  // Where nothing differs the gradient is 0.
  const auto same = parameter<2>({7, 5}, 1);
  backward(mean_absolute_error(same, same.detach()));
  for (const double g : same.gradient()) CHECK(g == 0);
  // Padding has no part in it.
  const auto a = parameter<3>({2, 3, 4}, 3), b = parameter<3>({2, 3, 4}, 4);
  const int32_t lengths[] = {1, 3};
  double padded = 0;
  for (size_t s = 0; s < 2; ++s)
    for (size_t i = 0; i < 4 * size_t(lengths[s]); ++i)
      padded += std::abs(a.value()[s].data[i] - b.value()[s].data[i]);
  check_op(
      [&](const auto& u, const auto& v) {
        return mean_absolute_error(u, v, Variable<int32_t, 1>(Tensor<int32_t, 1>({2}, lengths)));
      },
      Shape<0>{}, {padded / 16}, {}, a, b);
}

TEST_CASE("add_to_sets: value, gradient, errors", "[ops]") {
  const auto op = [](const auto& x, const auto& p) { return add_to_sets(x, p); };
  for (const auto& shape : {Shape<3>{2, 3, 5}, Shape<3>{1, 1, 1}, Shape<3>{3, 0, 2}}) {
    const auto x = parameter<3>(shape, 1);
    const auto p = parameter<2>({shape[0], shape[2]}, 2);
    std::vector<double> expected;
    for (size_t b = 0; b < shape[0]; ++b)
      for (size_t s = 0; s < shape[1]; ++s)
        for (size_t j = 0; j < shape[2]; ++j)
          expected.push_back(x.value()(b, s, j) + p.value()(b, j));
    check_op(op, shape, expected, {}, x, p);
  }
  const auto x = parameter<3>({2, 3, 5}, 1);
  check_error<ShapeError>([&] { op(x, parameter<2>({3, 5}, 1)); }, {"add_to_sets", "2", "3"});
  check_error<ShapeError>([&] { op(x, parameter<2>({2, 4}, 1)); }, {"add_to_sets", "5", "4"});
}

TEST_CASE("arithmetic: the same bytes on any number of threads", "[ops]") {
  const auto a = parameter<3, float>({3, 100, 501}, 1), b = parameter<3, float>({3, 100, 501}, 2);
  const auto p = parameter<2, float>({3, 501}, 3);
  check_same_on_any_threads([&] {
    return value_and_gradients(
        [](const auto& u, const auto& v, const auto& w) {
          const auto sum = add(multiply(u, v), scale(add_to_sets(u, w), 0.3));
          return add(mean_absolute_error(sum, u), mean_squared_error(sum, v));
        },
        a, b, p);
  });
}
