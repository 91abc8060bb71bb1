#include "vcell/ops/binary_cross_entropy.hpp"

#include "support/check_op.hpp"

using namespace vcell;
using namespace vcell_test;

TEST_CASE("binary_cross_entropy: value, gradient, errors", "[ops]") {
  const auto x = parameter<2>({3, 4}, 1), t = parameter<2>({3, 4}, 2);
  double sum = 0;
  for (size_t i = 0; i < 12; ++i) {
    const double s = 1 / (1 + std::exp(-x.value().data[i])), target = t.value().data[i];
    sum -= target * std::log(s) + (1 - target) * std::log(1 - s);
  }
  check_op(
      [](const auto& a, const auto& b) { return binary_cross_entropy(a, b); }, Shape<0>{},
      {sum / 12},
      {fails<ShapeError>(
           [=] {
             binary_cross_entropy(x, parameter<2>({4, 3}, 1));
           },
           {"binary_cross_entropy", "(3, 4)", "(4, 3)"}),
       fails<ShapeError>([] { binary_cross_entropy(parameter<1>({0}, 1), parameter<1>({0}, 2)); },
                         {"no elements"})},
      x, t);
}

TEST_CASE("binary_cross_entropy: large logits neither overflow nor lose the sum", "[ops]") {
  const auto one = [](float x, float t) {
    const Variable<float, 1> logit(Tensor<float, 1>({1}, std::vector<float>{x}), true);
    const auto y = binary_cross_entropy(
        logit, Variable<float, 1>(Tensor<float, 1>({1}, std::vector<float>{t})));
    backward(y);
    return std::pair(y.value()(), logit.gradient()[0]);
  };
  CHECK(one(1000, 0) == std::pair(1000.f, 1.f));
  CHECK(one(-1000, 1) == std::pair(1000.f, -1.f));
  CHECK(one(1000, 1) == std::pair(0.f, 0.f));
  CHECK(one(30, 1).first == Approx(std::exp(-30.f)));
}
