#include "vcell/autograd/backward.hpp"

#include <cmath>

#include "support/errors.hpp"
#include "support/random_tensor.hpp"
#include "vcell/ops/add.hpp"
#include "vcell/ops/mean.hpp"
#include "vcell/ops/multiply.hpp"
#include "vcell/ops/scale.hpp"
#include "vcell/tensor/copy.hpp"

using namespace vcell;
using vcell_test::check_error, vcell_test::parameter;

namespace {

Variable<double, 1> leaf(std::vector<double> values, bool requires_gradient = true) {
  return Variable<double, 1>(Tensor<double, 1>({values.size()}, values), requires_gradient);
}
std::vector<double> gradient(const Variable<double, 1>& x) {
  return {x.gradient().begin(), x.gradient().end()};
}
using V = std::vector<double>;

}  // namespace

TEST_CASE("backward: a loss and a given cotangent", "[autograd]") {
  const auto x = leaf({1, 2, 4});
  backward(mean(multiply(x, x)));
  CHECK(gradient(x) == V{2 / 3., 4 / 3., 8 / 3.});
  const auto z = leaf({1, 2, 4});
  const V cotangent{1, 0, -1};
  backward(scale(z, 3), View<const double, 1>{cotangent.data(), {3}});
  CHECK(gradient(z) == V{3, 0, -3});
}

TEST_CASE("backward: gradients add up until they are set to zero", "[autograd]") {
  const auto x = leaf({1, 2});
  CHECK(gradient(x) == V{0, 0});
  backward(mean(x));
  backward(mean(scale(x, 2)));
  CHECK(gradient(x) == V{1.5, 1.5});
  x.clear_gradient();
  CHECK(gradient(x) == V{0, 0});
}

TEST_CASE("backward: a parameter itself may be the result", "[autograd]") {
  const auto x = leaf({1, 2});
  const V cotangent{5, 7};
  backward(x, View<const double, 1>{cotangent.data(), {2}});
  CHECK(gradient(x) == cotangent);
}

TEST_CASE("backward: shared results are pulled back once, after all their uses", "[autograd]") {
  const auto x = leaf({3, -1});
  size_t pulled = 0;
  const auto counted = [&pulled](const Variable<double, 1>& in) {
    Tensor<double, 1> y = to_tensor(in.value());
    return make_variable(
        std::move(y),
        [&pulled](auto dy, auto value, const auto& input) {
          ++pulled;
          CHECK(value[0] == input.value()[0]);
          for (size_t i = 0; i < dy.count(); ++i) input.gradient()[i] += dy[i];
        },
        in);
  };
  // x -> a -> (b = 2 a, c = a b) -> b + c + a: paths of different lengths meet again.
  const auto a = counted(x), b = scale(a, 2), c = multiply(a, b);
  backward(mean(add(add(b, c), a)));
  CHECK(pulled == 1);
  CHECK(gradient(x) == V{(2 + 4 * 3 + 1) / 2., (2 - 4 * 1 + 1) / 2.});  // d (2a^2 + 3a) / 2
}

TEST_CASE("backward: one variable as both inputs", "[autograd]") {
  const auto x = leaf({3});
  backward(mean(add(x, x)));
  CHECK(gradient(x) == V{2});
}

TEST_CASE("backward: only what requires a gradient gets one", "[autograd]") {
  const auto x = leaf({1, 2}), data = leaf({5, 6}, false);
  CHECK_FALSE(data.gradient());
  backward(mean(multiply(x, data)));
  CHECK(gradient(x) == V{2.5, 3});
  CHECK_FALSE(data.gradient());
  CHECK_FALSE(add(data, data).requires_gradient());
}

TEST_CASE("backward: detach cuts", "[autograd]") {
  const auto x = leaf({1, 2});
  const auto cut = x.detach();
  CHECK_FALSE(cut.requires_gradient());
  cut.mutable_value()[0] = 10;
  CHECK(x.value()[0] == 1);
  backward(mean(multiply(x, cut)));
  CHECK(gradient(x) == V{5, 1});
}

TEST_CASE("backward: a reshaped handle shares value and gradient", "[autograd]") {
  const auto x = parameter<2>({2, 3}, 1);
  const auto flat = x.reshape<1>({6});
  CHECK(flat.value().data == x.value().data);
  backward(mean(flat));
  CHECK(x.gradient()(1, 2) == Approx(1 / 6.));
  const auto y = scale(x, 2).reshape<3>({1, 3, 2});
  backward(mean(add(y, y)));
  CHECK(flat.gradient()[0] == Approx(1 / 6. + 4 / 6.));
  check_error<ShapeError>([&] { x.reshape<1>({5}); }, {"reshape", "(2, 3)", "(5)"});
}

TEST_CASE("backward: a second time through the same computation is an error", "[autograd]") {
  const auto x = leaf({1, 2});
  const auto shared = scale(x, 2);
  const auto y = mean(shared);
  backward(y);
  check_error<Error>([&] { backward(y); }, {"backward", "released"});
  // Also when only a part of it is old; the new part is then not half done.
  const V before = gradient(x);
  check_error<Error>([&] { backward(mean(add(x, shared))); }, {"backward", "released"});
  CHECK(gradient(x) == before);
  CHECK(shared.value()[1] == 4);  // values stay
  backward(mean(scale(x, 2)));
  CHECK(gradient(x) == V{2, 2});
}

TEST_CASE("backward: the cotangent has the shape of the result", "[autograd]") {
  const auto y = scale(leaf({1, 2}), 2);
  const V cotangent{1, 2, 3};
  check_error<ShapeError>(
      [&] {
        backward(y, View<const double, 1>{cotangent.data(), {3}});
      },
      {"backward", "(2)", "(3)"});
}

TEST_CASE("backward: what a pull-back throws arrives, and later ones work", "[autograd]") {
  const auto x = leaf({1, 2});
  const auto bad = make_variable(
      to_tensor(x.value()), [](auto...) { throw Error("pull-back failed"); }, x);
  check_error<Error>([&] { backward(mean(add(bad, scale(x, 2)))); }, {"pull-back failed"});
  x.clear_gradient();
  backward(mean(x));
  CHECK(gradient(x) == V{0.5, 0.5});
}

TEST_CASE("backward: chains of 100000 operations do not exhaust the stack", "[autograd]") {
  constexpr int length = 100000;
  const auto x = leaf({1});
  const auto chain = [&] {
    auto y = x;
    for (int i = 0; i < length; ++i) y = add(y, x);
    return y;
  };
  backward(mean(chain()));
  CHECK(gradient(x) == V{length + 1.});
  {
    const auto kept = chain();
    CHECK(kept.value()[0] == length + 1);
  }  // destroyed without having been pulled back
  const auto y = chain();
  backward(mean(y));
  CHECK(gradient(x) == V{2 * (length + 1.)});
}

TEST_CASE("backward: the first contribution assigns, and what was there is never read",
          "[autograd]") {
  const auto x = leaf({1, 2});
  x.gradient()[0] = x.gradient()[1] = NAN;
  x.clear_gradient();
  backward(mean(add(scale(x, 2), multiply(x, x))));
  CHECK(gradient(x) == V{2, 3});
  x.clear_gradient();
  const auto target = x.gradient_target();
  CHECK_FALSE(target.accumulate);
  CHECK(x.gradient_target().accumulate);
  CHECK_FALSE(leaf({1}, false).gradient_target());
}

TEST_CASE("backward: an empty variable is refused by name", "[autograd]") {
  const Variable<double, 0> none;
  check_error<Error>([&] { add(none, none); }, {"Variable", "empty", "rank 0"});
  check_error<Error>([] { add(Variable<double, 2>(), Variable<double, 2>()); }, {"empty"});
}

TEST_CASE("backward: within a pull-back", "[autograd]") {
  const auto x = leaf({3, 5}), w = leaf({2, 7});
  const auto squared = [&w](const Variable<double, 1>& in) {
    return make_variable(
        to_tensor(in.value()),
        [&w](auto dy, auto, const auto& input) {
          const auto inner = leaf({input.value()[0], input.value()[1]});
          backward(multiply(multiply(inner, inner), w), dy);
          for (size_t i = 0; i < 2; ++i) input.gradient()[i] += inner.gradient()[i];
        },
        in);
  };
  backward(mean(add(squared(scale(x, 1)), w)));  // w is a leaf of both
  CHECK(gradient(x) == V{3 * 2, 5 * 7});
  CHECK(gradient(w) == V{9 / 2. + 0.5, 25 / 2. + 0.5});
}

TEST_CASE("backward: a forgotten closure dangles nowhere", "[autograd]") {
  Variable<double, 1> y;
  const auto x = leaf({1, 2});
  {
    const auto inner = scale(x, 3);
    y = multiply(inner, inner);
  }  // y's node alone keeps inner
  backward(mean(y));
  CHECK(gradient(x) == V{9, 18});
}
