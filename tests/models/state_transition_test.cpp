#include "vcell/models/state_transition.hpp"

#include "support/catch.hpp"
#include "support/random_tensor.hpp"
#include "vcell/autograd/backward.hpp"
#include "vcell/autograd/gradcheck.hpp"
#include "vcell/models/state_transition_loss.hpp"
#include "vcell/tensor/copy.hpp"

using namespace vcell;

namespace {

StateTransitionConfig small() {
  return {.input_width = 5,
          .output_width = 5,
          .perturbation_width = 3,
          .hidden = 6,
          .layers = 1,
          .heads = 2,
          .head_dim = 2,
          .mlp_width = 7};
}

template <class T, int rank>
Variable<T, rank> random(const Shape<rank>& shape, uint64_t seed) {
  return Variable<T, rank>(vcell_test::random_tensor<T, rank>(shape, seed));
}

}  // namespace

TEST_CASE("StateTransition: gradients flow to every parameter and to the control cells",
          "[models]") {
  const StateTransition<double> model(small(), 3);
  const auto control = vcell_test::parameter<3>({2, 3, 5}, 1);
  const auto perturbation = vcell_test::parameter<2>({2, 3}, 2);
  const auto result = gradcheck([&](const auto& c, const auto& p) { return model(c, p); }, {},
                                control, perturbation);
  INFO(result.where);
  CHECK(result.error < 1e-7);
  for (const auto& p : model.parameters().all()) {
    INFO(p.name);
    double largest = 0;
    for (const double g : p.gradient()) largest = std::max(largest, std::abs(g));
    CHECK(largest > 0);
  }
}

TEST_CASE("StateTransition: a set has no order", "[models]") {
  const StateTransition<double> model(small(), 3);
  const auto control = random<double, 3>({1, 4, 5}, 1);
  const auto perturbation = random<double, 2>({1, 3}, 2);
  const size_t order[] = {2, 0, 3, 1};
  Tensor<double, 3> moved({1, 4, 5});
  for (size_t s = 0; s < 4; ++s)
    for (size_t g = 0; g < 5; ++g) moved(0, s, g) = control.value()(0, order[s], g);
  const auto a = model(control, perturbation);
  const auto b = model(Variable<double, 3>(moved), perturbation);
  for (size_t s = 0; s < 4; ++s)
    for (size_t g = 0; g < 5; ++g)
      CHECK(b.value()(0, s, g) == Approx(a.value()(0, order[s], g)).epsilon(1e-12).margin(1e-14));
}

TEST_CASE("StateTransition: sets do not see each other", "[models]") {
  const StateTransition<double> model(small(), 3);
  const auto control = random<double, 3>({3, 4, 5}, 1);
  const auto perturbation = random<double, 2>({3, 3}, 2);
  const auto all = model(control, perturbation);
  const auto one = model(Variable<double, 3>(to_tensor(control.value().slice(1, 2))),
                         Variable<double, 2>(to_tensor(perturbation.value().slice(1, 2))));
  for (size_t i = 0; i < one.count(); ++i)
    CHECK(one.value().data[i] == Approx(all.value()[1].data[i]).epsilon(1e-12).margin(1e-14));
}

TEST_CASE("StateTransition: the same seed gives the same weights, another one others", "[models]") {
  const auto weights = [](uint64_t seed) {
    const StateTransition<float> model(small(), seed);
    std::vector<float> all;
    for (const auto& p : model.parameters().all())
      all.insert(all.end(), p.value().begin(), p.value().end());
    return all;
  };
  CHECK(weights(1) == weights(1));
  CHECK(weights(1) != weights(2));
}

TEST_CASE("StateTransition: dropout acts in training only and is a function of seed and step",
          "[models]") {
  auto config = small();
  config.dropout = 0.5;
  const StateTransition<float> model(config, 3);
  const auto control = random<float, 3>({1, 4, 5}, 1);
  const auto perturbation = random<float, 2>({1, 3}, 2);
  const auto run = [&](const Pass<>& pass) {
    const auto out = model(control, perturbation, {}, pass);
    return std::vector<float>(out.value().begin(), out.value().end());
  };
  CHECK(run({}) == run({}));
  CHECK(run({true, 1, 1}) == run({true, 1, 1}));
  CHECK(run({true, 1, 1}) != run({true, 1, 2}));
  CHECK(run({true, 1, 1}) != run({true, 2, 1}));
  CHECK(run({}) == run({false, 7, 7}));
}

TEST_CASE("StateTransition: settings and inputs that do not fit are errors by name", "[models]") {
  using vcell_test::contains;
  auto config = small();
  config.hidden = 0;
  CHECK_THROWS_WITH(StateTransition<float>(config), contains("config.hidden"));
  config = small();
  config.output_space = OutputSpace::all_genes;
  CHECK_THROWS_WITH(StateTransition<float>(config), contains("output_width / 8"));
  config.output_width = 16;
  CHECK_THROWS_WITH(StateTransition<float>(config), contains("input_width"));

  config = small();
  config.dropout = 1;
  CHECK_THROWS_WITH(StateTransition<float>(config), contains("Dropout: probability is 1"));

  const StateTransition<float> model(small());
  const auto perturbation = random<float, 2>({2, 3}, 2);
  CHECK_THROWS_WITH(model(random<float, 3>({2, 4, 6}, 1), perturbation),
                    contains("last size of control (6)") && contains("config.input_width (5)"));
  CHECK_THROWS_WITH(model(random<float, 3>({3, 4, 5}, 1), perturbation),
                    contains("sets of control (3)") && contains("rows of perturbation (2)"));
  CHECK_THROWS_WITH(model(random<float, 3>({2, 4, 5}, 1), random<float, 2>({2, 4}, 2)),
                    contains("(4)") && contains("config.perturbation_width (3)"));
  CHECK_THROWS_AS(model(random<float, 3>({2, 4, 5}, 1), perturbation, Tensor<int32_t, 2>({2, 4})),
                  ConfigError);
  config = small();
  config.batches = 2;
  const StateTransition<float> batched(config);
  CHECK_THROWS_AS(batched(random<float, 3>({2, 4, 5}, 1), perturbation), ShapeError);
  Tensor<int32_t, 2> index({2, 4});
  index(1, 1) = 2;
  CHECK_THROWS_WITH(batched(random<float, 3>({2, 4, 5}, 1), perturbation, index),
                    contains("embedding"));
}

TEST_CASE("StateTransition: an anchored one starts as its anchor, and learns what to add",
          "[models]") {
  StateTransitionConfig config{.input_width = 6,
                               .output_width = 6,
                               .perturbation_width = 3,
                               .hidden = 16,
                               .layers = 1,
                               .heads = 2,
                               .head_dim = 8,
                               .mlp_width = 24,
                               .anchor = Anchor::perturbation_mean,
                               .encoder_layers = 2,
                               .decoder_layers = 2};
  const StateTransition<float> model(config, 3);
  const Variable<float, 3> control = random<float, 3>({2, 5, 6}, 1);
  const Variable<float, 2> perturbation = random<float, 2>({2, 3}, 2),
                           anchor = random<float, 2>({2, 6}, 3);
  const auto first = model(control, perturbation, {}, {}, {}, anchor);
  for (size_t b = 0; b < 2; ++b)
    for (size_t s = 0; s < 5; ++s)
      for (size_t g = 0; g < 6; ++g)
        CHECK(first.value()(b, s, g) ==
              std::max(0.f, control.value()(b, s, g) + anchor.value()(b, g)));
  // Nothing but the last layer moves in the first step; then all of it does.
  backward(mean(first));
  size_t moving = 0;
  for (const auto& p : model.parameters().all())
    for (const float v : p.gradient()) moving += v != 0;
  CHECK(moving > 0);
  for (const auto& p : model.parameters().all())
    if (p.name.starts_with("project_out.3"))
      for (float& v : p.mutable_value()) v = 0.01f;
  model.parameters().clear_gradients();
  const auto learnt = model.learn(control, perturbation, {}, {}, {}, anchor).cells;
  backward(mean(model(control, perturbation, {}, {}, {}, anchor)));
  for (const auto& p : model.parameters().all()) {
    INFO(p.name);
    CHECK(std::ranges::any_of(p.gradient(), [](float v) { return v != 0; }));
  }
  // Alpha scales what is learnt alone.
  const auto half = model(control, perturbation, {}, {}, {}, anchor, 0.5);
  for (size_t g = 0; g < 6; ++g)
    CHECK(half.value()(1, 4, g) ==
          Approx(std::max(0.f, control.value()(1, 4, g) + anchor.value()(1, g) +
                                   0.5f * learnt.value()(1, 4, g)))
              .margin(1e-6));
  CHECK_THROWS_AS(model(control, perturbation), ShapeError);
  config.anchor = Anchor::none;
  CHECK_THROWS_AS(StateTransition<float>(config)(control, perturbation, {}, {}, {}, anchor),
                  ShapeError);
  config.anchor = Anchor::perturbation_mean;
  config.output_width = 5;
  CHECK_THROWS_AS(StateTransition<float>(config), ConfigError);
  config.output_width = config.input_width = 16;
  config.output_space = OutputSpace::all_genes;
  CHECK_THROWS_AS(StateTransition<float>(config), ConfigError);
}

TEST_CASE("StateTransition: one cell, one set", "[models]") {
  const StateTransition<float> model(small());
  const auto out = model(random<float, 3>({1, 1, 5}, 1), random<float, 2>({1, 3}, 2));
  CHECK(out.shape() == Shape<3>{1, 1, 5});
  for (const float v : out.value()) CHECK(v >= 0);
}

TEST_CASE("StateTransition: no step after the first asks the system for memory", "[models]") {
  const auto config = small();
  const StateTransition<float> model(config);
  const auto control = random<float, 3>({2, 4, 5}, 1), target = random<float, 3>({2, 4, 5}, 3);
  const auto perturbation = random<float, 2>({2, 3}, 2);
  size_t before = 0;
  for (int step = 0; step < 4; ++step) {
    before = Memory<Cpu>::system_allocations();
    model.parameters().clear_gradients();
    backward(state_transition_loss(config, model(control, perturbation), target));
  }
  CHECK(Memory<Cpu>::system_allocations() == before);
}
