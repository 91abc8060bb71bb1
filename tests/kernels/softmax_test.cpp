#include "vcell/kernels/softmax.hpp"

#include <cmath>
#include <limits>

#include "support/largest_error.hpp"
#include "support/random_tensor.hpp"
#include "support/threads.hpp"

namespace {

using namespace vcell;
using vcell_test::random_tensor;

template <class T>
Tensor<T, 2> softmax(const Tensor<T, 2>& x) {
  Tensor<T, 2> y(x.shape());
  CHECK(kernel::Softmax<Cpu>::forward(Context<Cpu>(), x.view(), y.view()).ok());
  return y;
}

/// The formula of the contract in long double.
template <class T>
Tensor<T, 2> by_definition(const Tensor<T, 2>& x) {
  Tensor<T, 2> y(x.shape());
  for (size_t i = 0; i < x.shape(0); ++i) {
    long double largest = -INFINITY, sum = 0;
    for (size_t j = 0; j < x.shape(1); ++j) largest = std::max<long double>(largest, x(i, j));
    for (size_t j = 0; j < x.shape(1); ++j) sum += std::exp((long double)(x(i, j)) - largest);
    for (size_t j = 0; j < x.shape(1); ++j)
      y(i, j) = T(std::exp((long double)(x(i, j)) - largest) / sum);
  }
  return y;
}

template <class T>
double difference(const Tensor<T, 2>& a, const Tensor<T, 2>& b) {
  return vcell_test::largest_difference(a.values(), b.values());
}

}  // namespace

TEMPLATE_TEST_CASE("softmax kernel: value", "[kernels]", float, double) {
  for (const Shape<2> shape :
       {Shape<2>{1, 1}, {3, 2}, {4, 15}, {4, 16}, {4, 17}, {100, 333}, {0, 5}, {5, 0}}) {
    INFO(message(shape));
    const auto x = random_tensor<TestType, 2>(shape, 1);
    CHECK(difference(softmax(x), by_definition(x)) <=
          4 * double(std::numeric_limits<TestType>::epsilon()));
  }
}

TEMPLATE_TEST_CASE("softmax kernel: gradient is added", "[kernels]", float, double) {
  for (const Shape<2> shape : {Shape<2>{1, 1}, {3, 17}, {7, 333}, {0, 5}, {5, 0}}) {
    INFO(message(shape));
    const auto y = softmax(random_tensor<TestType, 2>(shape, 1)),
               dy = random_tensor<TestType, 2>(shape, 2);
    const auto before = random_tensor<TestType, 2>(shape, 3);
    auto dx = before, expected = before;
    CHECK(kernel::Softmax<Cpu>::backward(Context<Cpu>(), dy.view(), y.view(),
                                         kernel::Target<TestType, 2>{dx.view(), true})
              .ok());
    for (size_t i = 0; i < shape[0]; ++i) {
      long double along = 0;
      for (size_t j = 0; j < shape[1]; ++j) along += (long double)(dy(i, j)) * y(i, j);
      for (size_t j = 0; j < shape[1]; ++j)
        expected(i, j) = TestType(expected(i, j) + y(i, j) * (dy(i, j) - along));
    }
    CHECK(difference(dx, expected) <= 64 * double(std::numeric_limits<TestType>::epsilon()));
    CHECK(kernel::Softmax<Cpu>::backward(Context<Cpu>(), dy.view(), y.view(),
                                         kernel::Target<TestType, 2>{})
              .ok());
  }
}

TEMPLATE_TEST_CASE("softmax kernel: entries of -infinity, large and undefined rows", "[kernels]",
                   float, double) {
  const TestType inf = std::numeric_limits<TestType>::infinity();
  auto x = random_tensor<TestType, 2>({5, 40}, 1);
  for (size_t j = 1; j < 40; ++j) x(0, j) = -inf;
  for (size_t j = 0; j < 40; j += 3) x(1, j) = -inf;
  for (size_t j = 0; j < 40; ++j) x(2, j) = TestType(j == 7 ? 1e4 : -1e4);
  for (size_t j = 0; j < 40; ++j) x(3, j) = -inf;
  x(4, 39) = std::numeric_limits<TestType>::quiet_NaN();
  const auto y = softmax(x);
  CHECK(y(0, 0) == 1);
  CHECK(y(0, 39) == 0);
  CHECK(y(1, 0) == 0);
  CHECK(y(2, 7) == 1);
  CHECK(y(2, 8) == 0);
  for (size_t j = 0; j < 40; ++j) CHECK((std::isnan(y(3, j)) && std::isnan(y(4, j))));
  const auto dy = random_tensor<TestType, 2>({5, 40}, 2);
  Tensor<TestType, 2> dx({5, 40});
  CHECK(kernel::Softmax<Cpu>::backward(Context<Cpu>(), dy.view(), y.view(),
                                       kernel::Target<TestType, 2>{dx.view(), true})
            .ok());
  for (size_t i = 0; i < 3; ++i)
    for (size_t j = 0; j < 40; ++j) CHECK(std::isfinite(dx(i, j)));
  CHECK(dx(1, 0) == 0);
}

TEST_CASE("softmax kernel: adding a number to a row changes nothing, in place as well",
          "[kernels]") {
  auto x = random_tensor<double, 2>({6, 100}, 1);
  const auto y = softmax(x);
  for (double& v : x.values()) v += 1e4;
  CHECK(difference(softmax(x), y) <= 1e-11);
  x = random_tensor<double, 2>({6, 100}, 1);
  CHECK(kernel::Softmax<Cpu>::forward(Context<Cpu>(), std::as_const(x).view(), x.view()).ok());
  CHECK(difference(x, y) == 0);
}

TEST_CASE("softmax kernel: the same bytes for any number of threads", "[kernels]") {
  const auto x = random_tensor<float, 2>({700, 91}, 1), dy = random_tensor<float, 2>({700, 91}, 2);
  vcell_test::check_same_on_any_threads([&] {
    const auto y = softmax(x);
    Tensor<float, 2> dx(x.shape());
    CHECK(kernel::Softmax<Cpu>::backward(Context<Cpu>(), dy.view(), y.view(),
                                         kernel::Target<float, 2>{dx.view(), true})
              .ok());
    std::vector<float> both(y.values().begin(), y.values().end());
    both.insert(both.end(), dx.values().begin(), dx.values().end());
    return both;
  });
}
