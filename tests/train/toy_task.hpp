// A small task for trainers: recover a matrix from products with it.
#pragma once

#include <optional>

#include "vcell/ops/gelu.hpp"
#include "vcell/ops/linear.hpp"
#include "vcell/ops/mean_squared_error.hpp"
#include "vcell/train/trainer.hpp"

namespace vcell_test {

template <class T>
struct ToyTask {
  static constexpr size_t rows = 24, in = 7, hidden = 33, out = 5;

  explicit ToyTask(uint64_t model_seed = 1)
      : parameters(model_seed),
        w1(parameters.template add<2>("first.weight", {hidden, in}, vcell::Initial::uniform(0.4))),
        b1(parameters.template add<1>("first.bias", {hidden}, vcell::Initial::uniform(0.4))),
        w2(parameters.template add<2>("second.weight", {out, hidden},
                                      vcell::Initial::uniform(0.2))) {}

  vcell::Variable<T, 0> on(uint64_t stream, double noise) const {
    vcell::Rng rng(9, stream);
    auto x = vcell::Tensor<T, 2>::uninitialized({rows, in});
    vcell::Tensor<T, 2> y({rows, out});
    for (size_t i = 0; i < rows; ++i) {
      for (size_t j = 0; j < in; ++j) {
        x(i, j) = T(rng.normal());
        y(i, j % out) += x(i, j) * T(double(j) / in - 0.4);
      }
      for (size_t k = 0; k < out; ++k) y(i, k) += T(noise * rng.normal());
    }
    using namespace vcell;
    return mean_squared_error(linear(gelu(linear(Variable<T, 2>(std::move(x)), w1, b1)), w2, {}),
                              Variable<T, 2>(std::move(y)));
  }
  vcell::Variable<T, 0> loss(const vcell::TrainingStep<>& step) const {
    return on(step.number + 1, 0.5);
  }
  std::optional<double> validation_loss() const { return double(*on(0, 0).value().data); }

  std::vector<T> values() const {
    std::vector<T> all;
    for (const auto& p : parameters.all())
      all.insert(all.end(), p.value().begin(), p.value().end());
    return all;
  }

  vcell::Parameters<T> parameters;
  vcell::Variable<T, 2> w1;
  vcell::Variable<T, 1> b1;
  vcell::Variable<T, 2> w2;
};

}  // namespace vcell_test
