// An operation of your own: its value, how its gradient flows back, and the proof that both fit.
//
//   build/release/examples/define_an_op
//
// softplus(x) = log(1 + e^x), a smooth relu. Prints the largest difference between its gradient and
// finite differences, below 1e-8.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vcell/vcell.hpp>

using namespace vcell;

/// log(1 + exp(x)), element by element; any shape.
template <class T, int rank>
Variable<T, rank> softplus(const Variable<T, rank>& x) {
  auto y = Tensor<T, rank>::uninitialized(x.shape());
  for (size_t i = 0; i < x.count(); ++i) {
    const T v = x.value().data[i];
    y.data()[i] = std::max(v, T(0)) + std::log1p(std::exp(-std::abs(v)));  // never overflows
  }
  // The pull-back gets the gradient of the result, the result, and the inputs that the last
  // arguments name. gradient() is zeros before anything has flowed back: add to it.
  return make_variable(
      std::move(y),
      [](View<const T, rank> dy, View<const T, rank>, const Variable<T, rank>& input) {
        const auto dx = input.gradient();
        for (size_t i = 0; i < dy.count(); ++i)
          dx.data[i] += dy.data[i] / (1 + std::exp(-input.value().data[i]));
      },
      x);
}

int main() {
  Tensor<double, 2> values({3, 4});
  Rng rng(1);
  for (double& v : values.values()) v = 3 * rng.normal();
  const Variable<double, 2> x(std::move(values), /*requires_gradient=*/true);

  const auto result = gradcheck([](const auto& v) { return softplus(v); }, {}, x);
  std::printf("largest error of the gradient: %.1e (%s)\n", result.error, result.where.c_str());
  return result.error < 1e-8 ? 0 : 1;
}
