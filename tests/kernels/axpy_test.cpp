#include "vcell/kernels/axpy.hpp"

#include "support/random_tensor.hpp"
#include "support/threads.hpp"

using namespace vcell;
using vcell_test::random_tensor;

TEMPLATE_TEST_CASE("axpy kernel: adds a x to y", "[kernels]", float, double) {
  for (const size_t n : {0, 1, 17, 100000}) {
    const auto x = random_tensor<TestType, 1>({n}, 1), before = random_tensor<TestType, 1>({n}, 2);
    for (const TestType a : {TestType(0), TestType(1), TestType(-2)}) {
      auto y = before;
      REQUIRE(kernel::Axpy<Cpu>::run(a, x.view(), y.view()).ok());
      size_t right = 0;  // a is a power of two or 0: one rounding, however it is computed
      for (size_t i = 0; i < n; ++i) right += y[i] == before[i] + a * x[i];
      CHECK(right == n);
    }
  }
}

TEST_CASE("axpy kernel: onto itself, and on any number of threads", "[kernels]") {
  auto x = random_tensor<float, 1>({100000}, 1);
  const auto before = x;
  REQUIRE(kernel::Axpy<Cpu>::run(1.f, std::as_const(x).view(), x.view()).ok());
  size_t right = 0;
  for (size_t i = 0; i < x.count(); ++i) right += x[i] == 2 * before[i];
  CHECK(right == x.count());
  vcell_test::check_same_on_any_threads([&] {
    auto y = before;
    REQUIRE(kernel::Axpy<Cpu>::run(0.3f, std::as_const(x).view(), y.view()).ok());
    return std::vector<float>(y.values().begin(), y.values().end());
  });
}
