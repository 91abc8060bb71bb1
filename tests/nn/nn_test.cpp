#include "support/catch.hpp"
#include "support/largest_error.hpp"
#include "vcell/autograd/backward.hpp"
#include "vcell/nn/embedding.hpp"
#include "vcell/nn/layer_norm.hpp"
#include "vcell/nn/llama.hpp"
#include "vcell/nn/mlp.hpp"
#include "vcell/ops/mean.hpp"

using namespace vcell;

namespace {

std::vector<std::string> names(const Parameters<float>& parameters) {
  std::vector<std::string> all;
  for (const auto& p : parameters.all()) all.push_back(p.name);
  return all;
}

Variable<float, 3> some(const Shape<3>& shape) {
  Tensor<float, 3> x(shape);
  Rng rng(5);
  for (float& v : x.values()) v = float(rng.normal());
  return Variable<float, 3>(std::move(x));
}

}  // namespace

TEST_CASE("Parameters: names, shapes, and no name twice", "[nn]") {
  Parameters<float> p(1);
  const Linear<float> layer(p, "a", 3, 2);
  CHECK(names(p) == std::vector<std::string>{"a.weight", "a.bias"});
  CHECK(p.find("a.weight")->shape == std::vector<size_t>{2, 3});
  CHECK(p.find("b") == nullptr);
  CHECK(p.count() == 8);
  CHECK_THROWS_AS(Linear<float>(p, "a", 3, 2), ConfigError);
}

TEST_CASE("Parameters: an initial value depends on seed, name and place alone", "[nn]") {
  Parameters<float> one(1), other(1), differs(2);
  const Linear<float> first(one, "x", 4, 4), alone(one, "y", 4, 4);
  const Linear<float> only(other, "y", 4, 4), seeded(differs, "y", 4, 4);
  const auto values = [](const Parameters<float>& p) {
    const auto v = p.find("y.weight")->value();
    return std::vector<float>(v.begin(), v.end());
  };
  CHECK(values(one) == values(other));
  CHECK(values(one) != values(differs));
}

TEST_CASE("Linear: drawn within 1 / sqrt(in), or normal with a given deviation", "[nn]") {
  Parameters<double> p(7);
  const Linear<double> uniform(p, "u", 100, 400);
  const Linear<double> normal(p, "n", 100, 400, {.bias = false, .std = 0.02});
  double largest = 0, square_u = 0, square_n = 0;
  for (const double w : p.find("u.weight")->value()) {
    largest = vcell_test::worse(largest, std::abs(w));
    square_u += w * w;
  }
  for (const double w : p.find("n.weight")->value()) square_n += w * w;
  CHECK(largest <= 0.1);
  CHECK(largest > 0.0999);
  CHECK(square_u / 40000 == Approx(0.01 / 3).epsilon(0.02));
  CHECK(square_n / 40000 == Approx(0.0004).epsilon(0.02));
  CHECK(p.find("n.bias") == nullptr);
}

TEST_CASE("Linear: of no inputs the bias is all there is, and starts as 0", "[nn]") {
  Parameters<float> p;
  const Linear<float> layer(p, "a", 0, 2);
  const auto y = layer(some({1, 3, 0}));
  CHECK(y.shape() == Shape<3>{1, 3, 2});
  for (const float v : y.value()) CHECK(v == 0);
}

TEST_CASE("Mlp: layers are numbered as in a sequence with activation and dropout", "[nn]") {
  Parameters<float> p;
  const Mlp<float> mlp(p, "m", {.in = 3, .hidden = 5, .out = 2, .layers = 3});
  CHECK(names(p) == std::vector<std::string>{"m.0.weight", "m.0.bias", "m.3.weight", "m.3.bias",
                                             "m.6.weight", "m.6.bias"});
  CHECK(mlp(some({2, 4, 3}), {}).shape() == Shape<3>{2, 4, 2});
  Parameters<float> q;
  const Mlp<float> single(q, "m", {.in = 3, .out = 2});
  CHECK(names(q) == std::vector<std::string>{"m.0.weight", "m.0.bias"});
  CHECK_THROWS_AS(Mlp<float>(q, "z", {.in = 3, .out = 2, .layers = 0}), ConfigError);
}

TEST_CASE("Dropout: keeps the mean, and is another one in every step", "[nn]") {
  for (const double bad : {-0.1, 1.0, double(NAN)}) CHECK_THROWS_AS(Dropout("d", bad), ConfigError);
  const Dropout layer("d", 0.25);
  const Variable<float, 1> ones(Tensor<float, 1>({40000}, std::vector<float>(40000, 1.f)));
  CHECK(layer(ones, {}).value().data == ones.value().data);
  const auto y = layer(ones, {.training = true, .seed = 1, .step = 1});
  const auto z = layer(ones, {.training = true, .seed = 1, .step = 2});
  double sum = 0;
  size_t zeros = 0, same = 0;
  for (size_t i = 0; i < 40000; ++i) {
    sum += y.value()[i];
    zeros += y.value()[i] == 0;
    same += (y.value()[i] == 0) == (z.value()[i] == 0);
  }
  CHECK(sum / 40000 == Approx(1).epsilon(0.01));
  CHECK(double(zeros) / 40000 == Approx(0.25).epsilon(0.03));
  CHECK(double(same) / 40000 == Approx(0.25 * 0.25 + 0.75 * 0.75).epsilon(0.02));
}

TEST_CASE("Dropout: of a step that was sent ahead the kernel reads the number", "[nn]") {
  const Dropout layer("d", 0.25);
  const Variable<float, 1> x(Tensor<float, 1>({1001}, std::vector<float>(1001, 1.f)), true);
  const auto value_and_gradient = [&](const TrainingStep<>& step) {
    x.clear_gradient();
    const auto y = layer(x, {.training = true, .seed = 3, .step = step});
    backward(mean(y));
    std::vector<float> all(y.value().begin(), y.value().end());
    all.insert(all.end(), x.gradient().begin(), x.gradient().end());
    return all;
  };
  Tensor<kernel::StepNumbers, 0> numbers;
  numbers().step = 7;
  const TrainingStep<> sent(8, numbers.view());  // whose number is the host's alone
  CHECK(value_and_gradient(sent) == value_and_gradient(7));
  CHECK(value_and_gradient(sent) != value_and_gradient(8));
  numbers().step = 8;
  CHECK(value_and_gradient(sent) == value_and_gradient(8));
}

TEST_CASE("Embedding and LayerNorm: parameters and shapes", "[nn]") {
  Parameters<float> p;
  const Embedding<float> table(p, "e", 4, 3);
  const LayerNorm<float> norm(p, "n", 3);
  CHECK(names(p) == std::vector<std::string>{"e.weight", "n.weight", "n.bias"});
  const auto y = norm(table(Tensor<int32_t, 2>({2, 5})));
  CHECK(y.shape() == Shape<3>{2, 5, 3});
  CHECK(*mean(y).value().data == Approx(0).margin(1e-5));
}

TEST_CASE("Llama: self-only masks cut the cells apart", "[nn]") {
  Parameters<float> p(3);
  const Llama<float> backbone(
      p, "b", {.width = 6, .layers = 2, .heads = 2, .head_dim = 5, .mlp_width = 8, .std = 0.3});
  CHECK(p.find("b.layers.1.self_attn.o_proj.weight")->shape == std::vector<size_t>{6, 10});
  const auto x = some({1, 3, 6});
  Tensor<bool, 4> self({1, 1, 3, 3});
  for (size_t i = 0; i < 3; ++i) self(0, 0, i, i) = true;
  const auto together = backbone(x), apart = backbone(x, {Variable<bool, 4>(self), {}});
  const auto alone = backbone(Variable<float, 3>(Tensor<float, 3>({1, 1, 6}, {x.value().data, 6})));
  bool differs = false;
  for (size_t j = 0; j < 6; ++j) {
    CHECK(apart.value()(0, 0, j) == Approx(alone.value()(0, 0, j)).margin(1e-5));
    differs = differs || std::abs(together.value()(0, 0, j) - alone.value()(0, 0, j)) > 1e-3;
  }
  CHECK(differs);
}
