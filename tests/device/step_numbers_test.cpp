// What differs between training steps is sent ahead and read when a kernel runs: steps may be
// queued far ahead of the device, and recorded.
#include <cmath>

#include "support/catch.hpp"
#include "support/guarded_kernels.hpp"
#include "support/random_tensor.hpp"
#include "vcell/autograd/recompute.hpp"
#include "vcell/nn/mlp.hpp"
#include "vcell/ops/mean_squared_error.hpp"
#include "vcell/train/clip_gradient_norm.hpp"
#include "vcell/train/trainer.hpp"

using namespace vcell;
using kernel::StepNumbers;
using vcell_test::Guarded;
using vcell_test::guarded_waits;
using vcell_test::random_tensor;

namespace {

std::vector<float> fetched(auto view) {
  const auto host = to_host(view);
  return {host.values().begin(), host.values().end()};
}

/// A task whose every layer drops some of its input, in a part that backward computes again.
template <class Device>
struct Noisy {
  Parameters<float, Device> parameters{3};
  Mlp<float, Device> mlp{
      parameters, "m", {.in = 6, .hidden = 16, .out = 3, .layers = 3, .dropout = 0.4}};
  Variable<float, 2, Device> x{to_device<Device>(random_tensor<float, 2>({20, 6}, 1))};
  Variable<float, 2, Device> y{to_device<Device>(random_tensor<float, 2>({20, 3}, 2))};

  Variable<float, 0, Device> loss(const TrainingStep<Device>& step) {
    const Pass<Device> pass{.training = true, .seed = 5, .step = step};
    const auto part = [this, pass](const auto& v) { return mlp(v, pass); };
    return mean_squared_error(recompute(part, x), y);
  }
  std::optional<double> validation_loss() { return std::nullopt; }
  std::vector<float> values() const { return fetched(parameters.values()); }
};

TrainOptions reporting(uint64_t report_every) {
  return {.max_steps = 11,
          .learning_rate = 0.02,
          .warmup = 2,
          .clip = 0.05,
          .validate_every = 0,
          .report_every = report_every};
}

/// Parameters after a training, and what was told of its steps.
template <class Device>
std::pair<std::vector<float>, std::vector<MetricsRow>> train(uint64_t report_every) {
  Noisy<Device> task;
  std::vector<MetricsRow> rows;
  Trainer<float, Device> trainer(task.parameters, reporting(report_every));
  trainer.run(task, {.metrics = [&](const MetricsRow& row) { rows.push_back(row); }});
  return {task.values(), rows};
}

}  // namespace

TEST_CASE("device: steps in a queue leave the bytes of steps that were waited for", "[device]") {
  Noisy<Cpu> by_hand;  // whose kernels get their numbers with the call
  Adam<float> optimizer(by_hand.parameters, {.weight_decay = reporting(1).weight_decay});
  std::vector<MetricsRow> rows;
  for (uint64_t step = 0; step < reporting(1).max_steps; ++step) {
    by_hand.parameters.clear_gradients();
    const auto loss = by_hand.loss(step);
    backward(loss);
    const double rate = learning_rate(schedule_of(reporting(1)), step);
    const double norm = clip_gradient_norm(by_hand.parameters, reporting(1).clip);
    rows.push_back({step + 1, double(loss.value()()), {}, rate, norm});
    optimizer.step(rate);
  }
  const std::pair expected(by_hand.values(), rows);
  CHECK(train<Cpu>(1) == expected);
  CHECK(train<Cpu>(4) == expected);
  CHECK(train<Guarded>(1) == expected);
  CHECK(train<Guarded>(4) == expected);
  const size_t before = guarded_waits;
  CHECK(train<Guarded>(11) == expected);
  CHECK(guarded_waits - before == 3);  // reports, which of them was bad, and the values here
}

TEMPLATE_TEST_CASE("device: trainers within each other have numbers of their own", "[device]", Cpu,
                   Guarded) {
  using Device = TestType;
  struct Outer : Noisy<Device> {
    Noisy<Device> inner;
    Trainer<float, Device> trainer{inner.parameters, reporting(1)};

    Variable<float, 0, Device> loss(const TrainingStep<Device>& step) {
      const auto value = Noisy<Device>::loss(step);
      if (step.number % 2)  // a step of the inner one, before backward of this
        trainer.run(inner, {.progress = [](const ProgressUpdate&) { return false; }});
      return value;
    }
  } task;
  Trainer<float, Device> trainer(task.parameters, reporting(4));
  trainer.run(task);
  CHECK(task.trainer.state().step == 5);
  CHECK(task.values() == train<Device>(4).first);
}

TEST_CASE("device: a step that was recorded once is every step", "[device]") {
  const size_t n = 100;
  const DropoutOptions drop{.probability = 0.3, .seed = 5, .stream = 9};
  const auto host = random_tensor<float, 1>({n}, 1);
  const auto rate = [](uint64_t step) { return 0.1 / double(step + 1); };

  // Steps of which gradient and loss are noise, on the Cpu one by one.
  Parameters<float> by_hand(1);
  const auto w = by_hand.add<1>("w", {n}, Initial::normal(1));
  Adam<float> optimizer(by_hand, {.weight_decay = 0.1});
  for (uint64_t step = 0; step < 4; ++step) {
    DropoutOptions of_step = drop;
    of_step.stream = kernel::stream_at_step(drop.stream, step);
    const auto noise = dropout(Variable<float, 1>(host), of_step);
    std::copy(noise.value().begin(), noise.value().end(), w.gradient().begin());
    optimizer.step(rate(step));
  }

  const Context<Guarded> place;
  const UseContext use(place);
  Parameters<float, Guarded> parameters(1);
  const auto p = parameters.add<1>("w", {n}, Initial::normal(1));
  Adam<float, Guarded> recorded(parameters, {.weight_decay = 0.1});
  const Tensor<float, 1, Guarded> x = to_device<Guarded>(host);
  const float seven = 7;
  const Tensor<float, 0, Guarded> loss({}, {&seven, 1});
  const double four = 4;
  const Tensor<double, 0, Guarded> squares({}, {&four, 1});
  Tensor<StepNumbers, 0, Guarded> numbers;
  Tensor<uint64_t, 0, Guarded> bad_step;
  Tensor<double, 0, Guarded> factor;
  Tensor<kernel::StepReport, 1, Guarded> reports({4});
  parameters.values();  // laid out before
  parameters.clear_gradients();
  const auto gradient = p.gradient_target();
  const auto graph = place.queue().record([&] {
    const auto sent = std::as_const(numbers).view();
    kernel::run<kernel::Dropout, Guarded>("test", x.view(), gradient, float(drop.probability),
                                          drop.seed, drop.stream, sent);
    kernel::run<kernel::CheckStep, Guarded>("test", sent, 0.0, loss.view(), squares.view(),
                                            bad_step.view(), reports.view(), factor.view());
    recorded.step(sent, std::as_const(factor).view());
  });
  CHECK(graph.size() == 3);
  for (uint64_t step = 0; step < 4; ++step) {
    const double t = double(step + 1);
    const StepNumbers next{.step = step,
                           .slot = 3 - step,
                           .rate = rate(step),
                           .correction1 = 1 - std::pow(0.9, t),
                           .correction2 = 1 - std::pow(0.999, t)};
    Memory<Guarded>::upload(place, numbers.data(), &next, sizeof next);
    for (const auto& work : graph) place.queue().add(work);
  }
  CHECK(place.queue().done() == 0);
  CHECK(fetched(p.value()) == fetched(w.value()));
  CHECK(fetched(recorded.second()) == fetched(optimizer.second()));
  const auto told = to_host(std::as_const(reports).view());
  for (size_t i = 0; i < 4; ++i) {
    CHECK(told(i).step == 4 - i);
    CHECK(told(i).loss == 7);
    CHECK(told(i).gradient_norm == 2);
  }
}
