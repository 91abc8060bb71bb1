#include "vcell/ops/linear.hpp"

#include "support/check_op.hpp"
#include "support/threads.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

const auto linear_op = [](const auto&... inputs) { return linear(inputs...); };

std::vector<double> plain(View<const double, 2> x, View<const double, 2> w, const double* b) {
  std::vector<double> y;
  for (size_t i = 0; i < x.shape[0]; ++i)
    for (size_t o = 0; o < w.shape[0]; ++o) {
      double sum = b ? b[o] : 0;
      for (size_t j = 0; j < x.shape[1]; ++j) sum += x(i, j) * w(o, j);
      y.push_back(sum);
    }
  return y;
}

}  // namespace

TEST_CASE("linear: value, gradient, errors", "[ops]") {
  struct Sizes {
    size_t rows, in, out;
  };
  for (const auto& [rows, in, out] :
       {Sizes{3, 5, 4}, {1, 1, 1}, {0, 3, 2}, {3, 0, 2}, {3, 2, 0}, {7, 33, 17}, {40, 3, 1}}) {
    const auto x = parameter<2>({rows, in}, 1), w = parameter<2>({out, in}, 2);
    const auto b = parameter<1>({out}, 3);
    check_op(linear_op, Shape<2>{rows, out}, plain(x.value(), w.value(), b.value().data), {}, x, w,
             b);
    check_op(linear_op, Shape<2>{rows, out}, plain(x.value(), w.value(), nullptr), {}, x, w);
  }
  const auto x = parameter<3>({2, 3, 5}, 1);
  const auto w = parameter<2>({4, 5}, 2);
  check_op(linear_op, Shape<3>{2, 3, 4}, plain(x.value().matrix(), w.value(), nullptr),
           {fails<ShapeError>(
                [&] {
                  linear(x, parameter<2>({4, 6}, 1));
                },
                {"linear", "last size of x (5)", "columns of weight (6)"}),
            fails<ShapeError>([&] { linear(x, w, parameter<1>({5}, 1)); },
                              {"linear", "size of bias (5)", "rows of weight (4)"})},
           x, w);
  const auto vector = parameter<1>({5}, 4);
  check_op(linear_op, Shape<1>{4}, plain(vector.value().matrix(), w.value(), nullptr), {}, vector,
           w);
}

TEST_CASE("linear: the same bytes on any number of threads", "[ops]") {
  const auto x = parameter<3, float>({3, 200, 150}, 1);
  const auto w = parameter<2, float>({301, 150}, 2);
  const auto b = parameter<1, float>({301}, 3);
  check_same_on_any_threads([&] { return value_and_gradients(linear_op, x, w, b); });
}
