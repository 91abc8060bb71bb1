#include "support/check_op.hpp"
#include "support/threads.hpp"
#include "vcell/ops/add.hpp"
#include "vcell/ops/gelu.hpp"
#include "vcell/ops/linear_add.hpp"
#include "vcell/ops/linear_gelu.hpp"
#include "vcell/ops/linear_silu_gate.hpp"
#include "vcell/ops/multiply.hpp"
#include "vcell/ops/silu.hpp"
#include "vcell/ops/slice.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

/// The same by the operations one after the other.
template <class F, class Plain, class... Inputs>
void check_fused(F fused, Plain plain, const Inputs&... inputs) {
  const auto y = plain(inputs...);
  check_op(fused, y.shape(), {y.value().begin(), y.value().end()}, {}, inputs...);
  const auto a = value_and_gradients(fused, inputs...), b = value_and_gradients(plain, inputs...);
  REQUIRE(a.size() == b.size());
  double error = 0;
  for (size_t i = 0; i < a.size(); ++i) error = worse(error, std::abs(a[i] - b[i]));
  CHECK(error < 1e-12);
}

}  // namespace

TEST_CASE("linear_gelu: is gelu of linear", "[ops]") {
  for (const size_t rows : {0, 1, 7, 40}) {
    const auto x = parameter<2>({rows, 5}, 1), w = parameter<2>({9, 5}, 2);
    const auto b = parameter<1>({9}, 3);
    check_fused([](const auto& p, const auto& q, const auto& r) { return linear_gelu(p, q, r); },
                [](const auto& p, const auto& q, const auto& r) { return gelu(linear(p, q, r)); },
                x, w, b);
    check_fused([](const auto& p, const auto& q) { return linear_gelu(p, q); },
                [](const auto& p, const auto& q) { return gelu(linear(p, q)); }, x, w);
  }
  const auto x = parameter<2>({3, 5}, 1);
  check_error<ShapeError>(
      [&] {
        linear_gelu(x, parameter<2>({9, 4}, 2));
      },
      {"linear_gelu", "5", "4"});
}

TEST_CASE("linear_silu_gate: the first half of the rows gates the second", "[ops]") {
  const auto plain = [](const auto& x, const auto& w, const auto&... b) {
    const auto z = linear(x, w, b...);
    const size_t n = z.shape(1) / 2;
    return multiply(silu(slice(z, 1, 0, n)), slice(z, 1, n, 2 * n));
  };
  for (const size_t rows : {0, 1, 7, 40}) {
    const auto x = parameter<2>({rows, 5}, 1), w = parameter<2>({12, 5}, 2);
    const auto b = parameter<1>({12}, 3);
    check_fused(
        [](const auto& p, const auto& q, const auto& r) { return linear_silu_gate(p, q, r); },
        plain, x, w, b);
    check_fused([](const auto& p, const auto& q) { return linear_silu_gate(p, q); }, plain, x, w);
  }
  const auto x = parameter<2>({3, 5}, 1);
  check_error<ShapeError>(
      [&] {
        linear_silu_gate(x, parameter<2>({9, 5}, 2));
      },
      {"linear_silu_gate", "(9, 5)", "even"});
}

TEST_CASE("linear_add: is a sum with linear, also of the input itself", "[ops]") {
  for (const size_t rows : {0, 1, 7}) {
    const auto r = parameter<2>({rows, 5}, 4), x = parameter<2>({rows, 5}, 1),
               w = parameter<2>({5, 5}, 2);
    const auto b = parameter<1>({5}, 3);
    check_fused([](const auto& s, const auto& p, const auto& q,
                   const auto& o) { return linear_add(s, p, q, o); },
                [](const auto& s, const auto& p, const auto& q, const auto& o) {
                  return add(s, linear(p, q, o));
                },
                r, x, w, b);
    check_fused([](const auto& p, const auto& q) { return linear_add(p, p, q); },
                [](const auto& p, const auto& q) { return add(p, linear(p, q)); }, x, w);
  }
  const auto x = parameter<2>({3, 5}, 1);
  check_error<ShapeError>(
      [&] {
        linear_add(x, x, parameter<2>({4, 5}, 2));
      },
      {"linear_add", "(3, 5)", "(3, 4)"});
}

TEST_CASE("linear with an end: the same bytes on any number of threads", "[ops]") {
  const auto x = parameter<2, float>({150, 40}, 1), w = parameter<2, float>({80, 40}, 2);
  const auto b = parameter<1, float>({80}, 3);
  check_same_on_any_threads([&] {
    auto all = value_and_gradients(
        [](const auto& p, const auto& q, const auto& r) { return linear_gelu(p, q, r); }, x, w, b);
    const auto more = value_and_gradients(
        [](const auto& p, const auto& q, const auto& r) { return linear_silu_gate(p, q, r); }, x, w,
        b);
    all.insert(all.end(), more.begin(), more.end());
    return all;
  });
}
