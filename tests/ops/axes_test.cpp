#include <cmath>
#include <limits>

#include "support/check_op.hpp"
#include "support/threads.hpp"
#include "vcell/ops/concatenate.hpp"
#include "vcell/ops/slice.hpp"
#include "vcell/ops/softmax.hpp"
#include "vcell/ops/swap_axes.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

/// The elements at every index of a shape, by a function of the index.
template <class F>
std::vector<double> by_index(const Shape<3>& shape, F f) {
  std::vector<double> y;
  for (size_t i = 0; i < shape[0]; ++i)
    for (size_t j = 0; j < shape[1]; ++j)
      for (size_t k = 0; k < shape[2]; ++k) y.push_back(f(Shape<3>{i, j, k}));
  return y;
}
template <class V>
double at(const V& x, const Shape<3>& i) {
  return x.value()(i[0], i[1], i[2]);
}

}  // namespace

TEST_CASE("slice: value, gradient, errors", "[ops]") {
  const auto x = parameter<3>({2, 5, 3}, 1);
  for (size_t axis = 0; axis < 3; ++axis) {
    const size_t size = x.shape()[axis];
    for (const auto& [begin, end] :
         {std::array<size_t, 2>{0, size}, {0, 0}, {size, size}, {1, 2}}) {
      Shape<3> shape = x.shape();
      shape[axis] = end - begin;
      const auto expected = by_index(shape, [&, begin = begin](Shape<3> i) {
        i[axis] += begin;
        return at(x, i);
      });
      check_op(
          [&, begin = begin, end = end](const auto& v) { return slice(v, int(axis), begin, end); },
          shape, expected, {}, x);
    }
  }
  const auto none = parameter<3>({0, 5, 3}, 1);
  check_op([](const auto& v) { return slice(v, 1, 2, 4); }, Shape<3>{0, 2, 3}, {}, {}, none);
  for (const int axis : {-1, 3})
    check_error<ShapeError>([&] { slice(x, axis, 0, 1); },
                            {"slice: axis is " + std::to_string(axis)});
  check_error<ShapeError>([&] { slice(x, 1, 3, 2); }, {"slice", "3 .. 2", "(2, 5, 3)"});
  check_error<ShapeError>([&] { slice(x, 1, 0, 6); }, {"slice", "0 .. 6", "(2, 5, 3)"});
}

TEST_CASE("concatenate: value, gradient, errors", "[ops]") {
  for (size_t axis = 0; axis < 3; ++axis)
    for (const size_t other : {0, 1, 4}) {
      Shape<3> shape{2, 5, 3};
      const auto a = parameter<3>(shape, 1);
      shape[axis] = other;
      const auto b = parameter<3>(shape, 2);
      shape[axis] += a.shape()[axis];
      const auto expected = by_index(shape, [&](Shape<3> i) {
        if (i[axis] < a.shape()[axis]) return at(a, i);
        i[axis] -= a.shape()[axis];
        return at(b, i);
      });
      check_op([=](const auto& u, const auto& v) { return concatenate(u, v, int(axis)); }, shape,
               expected, {}, a, b);
    }
  const auto none = parameter<3>({0, 5, 3}, 1);
  check_op([](const auto& u, const auto& v) { return concatenate(u, v, 1); }, Shape<3>{0, 10, 3},
           {}, {}, none, none);
  const auto a = parameter<3>({2, 5, 3}, 1), b = parameter<3>({2, 4, 3}, 1);
  check_error<ShapeError>([&] { concatenate(a, b, 0); },
                          {"concatenate", "(2, 5, 3)", "(2, 4, 3)", "axis 0"});
  check_error<ShapeError>([&] { concatenate(a, b, -1); }, {"concatenate", "axis is -1"});
  check_error<ShapeError>([&] { concatenate(a, b, 3); }, {"concatenate", "axis is 3"});
}

TEST_CASE("swap_axes: value, gradient, errors", "[ops]") {
  for (const auto& size : {Shape<3>{2, 5, 3}, Shape<3>{1, 1, 1}, Shape<3>{3, 0, 2}}) {
    const auto x = parameter<3>(size, 1);
    for (int a = 0; a < 3; ++a)
      for (int b = 0; b < 3; ++b) {
        Shape<3> shape = size;
        std::swap(shape[size_t(a)], shape[size_t(b)]);
        const auto expected = by_index(shape, [&](Shape<3> i) {
          std::swap(i[size_t(a)], i[size_t(b)]);
          return at(x, i);
        });
        check_op([=](const auto& v) { return swap_axes(v, a, b); }, shape, expected, {}, x);
      }
  }
  const auto x = parameter<3>({2, 5, 3}, 1);
  check_error<ShapeError>([&] { swap_axes(x, 3, 0); }, {"swap_axes", "a is 3"});
  check_error<ShapeError>([&] { swap_axes(x, 0, -1); }, {"swap_axes", "b is -1"});
  // Axes on all sides of the two: as a transpose of (3, 2) blocks.
  const auto deep = parameter<5>({2, 3, 2, 4, 2}, 1);
  const auto swapped = swap_axes(deep, 1, 3);
  CHECK(swapped.shape() == Shape<5>{2, 4, 2, 3, 2});
  CHECK(swapped.value()(1, 3, 0, 2, 1) == deep.value()(1, 2, 0, 3, 1));
  CHECK(swapped.value()(0, 1, 1, 0, 0) == deep.value()(0, 0, 1, 1, 0));
}

TEST_CASE("softmax: value, gradient, errors", "[ops]") {
  for (const auto& size :
       {Shape<3>{2, 5, 3}, Shape<3>{1, 1, 1}, Shape<3>{3, 0, 2}, Shape<3>{1, 3, 37}}) {
    const auto x = parameter<3>(size, 1);
    for (size_t axis = 0; axis < 3; ++axis) {
      const auto expected = by_index(size, [&](Shape<3> i) {
        const double e = std::exp(at(x, i));
        double sum = 0;
        for (i[axis] = 0; i[axis] < size[axis]; ++i[axis]) sum += std::exp(at(x, i));
        return e / sum;
      });
      check_op([=](const auto& v) { return softmax(v, int(axis)); }, size, expected, {}, x);
      if (axis == 2) check_op([](const auto& v) { return softmax(v); }, size, expected, {}, x);
    }
    check_error<ShapeError>([&] { softmax(x, 3); }, {"softmax", "axis is 3"});
  }
}

TEST_CASE("softmax: a constant added to a row changes nothing", "[ops]") {
  // Whole numbers, so that moving them is exact.
  Tensor<float, 2> x({1, 50}), moved({1, 50});
  Rng rng(1);
  for (size_t j = 0; j < 50; ++j) moved[0][j] = (x[0][j] = float(rng.below(20))) + 10000;
  const auto y = softmax(Variable<float, 2>(x)), z = softmax(Variable<float, 2>(moved));
  CHECK(std::equal(y.value().begin(), y.value().end(), z.value().begin()));
}

TEST_CASE("softmax: nothing overflows, minus infinity gets 0", "[ops]") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  using V = std::vector<double>;
  const auto of = [](V x) {
    const Variable<double, 1> v(Tensor<double, 1>({x.size()}, x), true);
    const auto y = softmax(v);
    V all(y.value().begin(), y.value().end());
    const V cotangent{1, 2, 3};
    backward(y, View<const double, 1>{cotangent.data(), {3}});
    all.insert(all.end(), v.gradient().begin(), v.gradient().end());
    return all;
  };
  CHECK(of({1e308, -1e308, -infinity}) == V{1, 0, 0, 0, 0, 0});
  CHECK(of({-1e300, -1e300, -infinity}) == V{0.5, 0.5, 0, -0.25, 0.25, 0});
  for (const double y : of({-infinity, -infinity, -infinity})) CHECK(std::isnan(y));
  for (const double y : of({infinity, 0, 1})) CHECK(std::isnan(y));
  for (const double y : of({NAN, 0, 1})) CHECK(std::isnan(y));
}

TEST_CASE("axes: the same bytes on any number of threads", "[ops]") {
  const auto x = parameter<3, float>({13, 70, 101}, 1), y = parameter<3, float>({13, 31, 101}, 2);
  check_same_on_any_threads([&] {
    return value_and_gradients(
        [](const auto& a, const auto& b) {
          return swap_axes(softmax(slice(concatenate(a, b, 1), 2, 1, 100), 1), 0, 2);
        },
        x, y);
  });
}
