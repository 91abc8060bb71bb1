#include "vcell/ops/mean_pairwise.hpp"

#include <cmath>

#include "support/check_op.hpp"
#include "support/threads.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

constexpr PairDistance distances[] = {PairDistance::euclidean, PairDistance::squared_euclidean,
                                      PairDistance::manhattan};

double distance(PairDistance kind, View<const double, 1> u, View<const double, 1> v) {
  double square = 0, sum = 0;
  for (size_t c = 0; c < u.shape[0]; ++c) {
    square += std::pow(u[c] - v[c], 2);
    sum += std::abs(u[c] - v[c]);
  }
  return kind == PairDistance::manhattan   ? sum
         : kind == PairDistance::euclidean ? std::sqrt(square)
                                           : square;
}

auto with(PairDistance kind) {
  return [kind](const auto& x, const auto& y) { return mean_pairwise(x, y, kind); };
}

}  // namespace

TEST_CASE("mean_pairwise: value, gradient, errors", "[ops]") {
  for (const PairDistance kind : distances)
    for (const auto& [sets, s, t, d] : std::vector<Shape<4>>{
             {2, 5, 3, 4}, {3, 1, 1, 2}, {1, 7, 7, 17}, {2, 3, 1, 1}, {0, 2, 2, 2}}) {
      const auto x = parameter<3>({sets, s, d}, 1), y = parameter<3>({sets, t, d}, 2);
      std::vector<double> expected;
      for (size_t b = 0; b < sets; ++b) {
        double sum = 0;
        for (size_t i = 0; i < s; ++i)
          for (size_t j = 0; j < t; ++j) sum += distance(kind, x.value()[b][i], y.value()[b][j]);
        expected.push_back(sum / double(s * t));
      }
      check_op(with(kind), Shape<1>{sets}, expected, {}, x, y);
    }
  const auto x = parameter<3>({2, 5, 3}, 1);
  for (const PairDistance kind : distances) {
    const auto of = [&](Shape<3> shape) { mean_pairwise(x, parameter<3>(shape, 1), kind); };
    check_error<ShapeError>([&] { of({3, 5, 3}); }, {"mean_pairwise", "sets", "2", "3"});
    check_error<ShapeError>([&] { of({2, 5, 4}); }, {"mean_pairwise", "last size", "3", "4"});
    check_error<ShapeError>([&] { of({2, 0, 3}); }, {"mean_pairwise", "(2, 5, 3)", "(2, 0, 3)"});
  }
}

TEST_CASE("mean_pairwise: a set with itself, and padding", "[ops]") {
  for (const PairDistance kind : distances) {
    // 0, 1 and 3: distances 1, 2 and 3, each twice, and three of 0; a fourth cell is padding.
    const Variable<double, 3> x(Tensor<double, 3>({1, 4, 1}, std::vector<double>{0, 1, 3, NAN}),
                                true);
    const Variable<int32_t, 1> three(Tensor<int32_t, 1>({1}, std::vector<int32_t>{3}));
    const auto e = mean_pairwise(x, x, kind, three, three);
    const bool squared = kind == PairDistance::squared_euclidean;
    CHECK(e.value()[0] == Approx(2 * (squared ? 1 + 4 + 9 : 1 + 2 + 3) / 9.));
    backward(e, View<const double, 1>{std::vector<double>{9}.data(), {1}});
    const std::vector<double> expected =
        squared ? std::vector<double>{-16, -4, 20, 0} : std::vector<double>{-4, 0, 4, 0};
    CHECK(largest_difference(x.gradient(), expected) < 1e-14);
  }
}

TEST_CASE("mean_pairwise: the same bytes on any number of threads", "[ops]") {
  const auto x = parameter<3, float>({3, 33, 70}, 1), y = parameter<3, float>({3, 20, 70}, 2);
  for (const PairDistance kind : distances)
    check_same_on_any_threads([&, k = kind] { return value_and_gradients(with(k), x, y); });
}
