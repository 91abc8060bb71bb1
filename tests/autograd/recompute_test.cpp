#include "vcell/autograd/recompute.hpp"

#include "support/errors.hpp"
#include "support/random_tensor.hpp"
#include "support/threads.hpp"
#include "vcell/ops/add.hpp"
#include "vcell/ops/dropout.hpp"
#include "vcell/ops/linear_gelu.hpp"
#include "vcell/ops/mean.hpp"
#include "vcell/ops/multiply.hpp"

using namespace vcell;
using vcell_test::check_error, vcell_test::parameter;

namespace {

/// A part of a model with a parameter of its own and dropout; counts how often it is computed.
struct Part {
  Variable<float, 2> w = parameter<2, float>({9, 9}, 3);
  mutable int calls = 0;

  Variable<float, 2> operator()(const Variable<float, 2>& x, const Variable<float, 2>& y) const {
    ++calls;
    return dropout(linear_gelu(add(multiply(x, y), x), w), {.probability = 0.3, .seed = 4});
  }
};

struct Gradients {
  std::vector<float> all;
  explicit Gradients(std::initializer_list<const Variable<float, 2>*> of) {
    for (const auto* v : of) {
      all.insert(all.end(), v->gradient().begin(), v->gradient().end());
      v->clear_gradient();
    }
  }
};

}  // namespace

TEST_CASE("recompute: the same bytes as without, dropout included", "[autograd]") {
  const auto x = parameter<2, float>({40, 9}, 1), y = parameter<2, float>({40, 9}, 2);
  const Part part;
  const auto f = [&part](const auto& a, const auto& b) { return part(a, b); };
  const auto plain = f(x, y);
  backward(mean(add(plain, x)));
  const Gradients expected{&x, &y, &part.w};
  vcell_test::check_same_on_any_threads([&] {
    const auto again = recompute(f, x, y);
    CHECK(std::equal(again.value().begin(), again.value().end(), plain.value().begin()));
    backward(mean(add(again, x)));  // x outside, too
    const Gradients found{&x, &y, &part.w};
    CHECK(found.all == expected.all);
    return found.all;
  });
}

TEST_CASE("recompute: the part is computed again, once, in backward", "[autograd]") {
  const auto x = parameter<2, float>({5, 9}, 1), y = parameter<2, float>({5, 9}, 2);
  const Part part;
  const auto f = [&part](const auto& a, const auto& b) { return part(a, b); };
  const auto loss = mean(recompute(f, x, y));
  CHECK(part.calls == 1);
  backward(loss);
  CHECK(part.calls == 2);
  const NoGrad no_grad;
  recompute(f, x, y);
  CHECK(part.calls == 3);
}

TEST_CASE("recompute: recorded for the parameters within, one input twice, another empty",
          "[autograd]") {
  const Variable<float, 2> data(vcell_test::random_tensor<float, 2>({5, 9}, 1));
  const auto x = parameter<2, float>({5, 9}, 1);
  const Part part;
  const auto f = [&part](const auto& a, const auto& b, const auto& none) {
    CHECK_FALSE(none);
    return part(a, b);
  };
  const Variable<float, 1> empty;
  backward(mean(f(data, data, empty)));
  const Gradients expected{&part.w};
  backward(mean(recompute(f, data, data, empty)));
  CHECK(Gradients{&part.w}.all == expected.all);

  backward(mean(f(x, x, empty)));
  const Gradients twice{&x, &part.w};
  backward(mean(recompute(f, x, x, empty)));
  CHECK(Gradients{&x, &part.w}.all == twice.all);
}

TEST_CASE("recompute: within a recomputed part", "[autograd]") {
  const auto x = parameter<2, float>({5, 9}, 1), y = parameter<2, float>({5, 9}, 2);
  const Part part;
  const auto f = [&part](const auto& a, const auto& b) { return part(a, b); };
  const auto g = [&f](const auto& a, const auto& b) { return f(recompute(f, a, b), b); };
  backward(mean(f(f(x, y), y)));
  const Gradients expected{&x, &y, &part.w};
  backward(mean(recompute(g, x, y)));
  CHECK(Gradients{&x, &y, &part.w}.all == expected.all);
}

TEST_CASE("recompute: results of the computation under way must be inputs", "[autograd]") {
  const auto x = parameter<2, float>({5, 9}, 1);
  const auto h = multiply(x, x);
  const auto y = recompute([h](const auto& a) { return multiply(a, h); }, x);
  check_error<Error>([&] { backward(mean(add(y, h))); }, {"backward", "recomputed", "input"});
  x.clear_gradient();
  backward(mean(multiply(x, x)));  // and everything works on
  CHECK(x.gradient()(0, 0) == Approx(2 * x.value()(0, 0) / 45));
}
