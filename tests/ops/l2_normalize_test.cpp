#include "vcell/ops/l2_normalize.hpp"

#include "support/check_op.hpp"
#include "support/threads.hpp"

using namespace vcell;
using namespace vcell_test;

TEST_CASE("l2_normalize: value, gradient", "[ops]") {
  const auto x = parameter<3>({2, 3, 5}, 1);
  std::vector<double> expected;
  for (size_t i = 0; i < 6; ++i) {
    double square = 0;
    const double* row = x.value().data + 5 * i;
    for (size_t j = 0; j < 5; ++j) square += row[j] * row[j];
    for (size_t j = 0; j < 5; ++j) expected.push_back(row[j] / std::sqrt(square));
  }
  check_op([](const auto& v) { return l2_normalize(v); }, Shape<3>{2, 3, 5}, expected, {}, x);
}

TEST_CASE("l2_normalize: zeros stay zeros, scale plays no part, nothing is nothing", "[ops]") {
  const Variable<float, 2> x(
      Tensor<float, 2>({3, 2}, std::vector<float>{0, 0, 3, 4, 3e-5f, 4e-5f}));
  const auto y = l2_normalize(x);
  CHECK(y.value()(0, 0) == 0);
  CHECK(y.value()(1, 0) == Approx(0.6));
  CHECK(y.value()(2, 1) == Approx(0.8));
  CHECK(l2_normalize(Variable<float, 2>(Tensor<float, 2>({0, 4}))).count() == 0);
  CHECK(l2_normalize(Variable<float, 2>(Tensor<float, 2>({4, 0}))).shape() == Shape<2>{4, 0});
}
