// Training whose steps are recorded on the GPU: the same bytes as steps that are queued one by one.
#include "support/catch.hpp"
#include "vcell/kernels/adam.cuh"
#include "vcell/kernels/check_step.cuh"
#include "vcell/kernels/copy.cuh"
#include "vcell/kernels/dropout.cuh"
#include "vcell/kernels/elementwise.cuh"
#include "vcell/kernels/gradient_norm.cuh"
#include "vcell/kernels/mean.cuh"
#include "vcell/kernels/running_average.cuh"
#include "vcell/tensor/recording_cuda.hpp"
//
#include "cuda/support/device.hpp"
#include "support/largest_error.hpp"
#include "support/random_tensor.hpp"
#include "vcell/autograd/send.hpp"
#include "vcell/nn/dropout.hpp"
#include "vcell/ops/mean.hpp"
#include "vcell/ops/multiply.hpp"
#include "vcell/ops/silu.hpp"
#include "vcell/train/trainer.hpp"

namespace {

using namespace vcell;

/// mean(silu(w x)^2) with dropout, x another one in every step.
template <class Device>
struct Task {
  Parameters<float, Device> parameters{3};
  Variable<float, 1, Device> w = parameters.template add<1>("w", {50}, Initial::normal(1));
  Variable<float, 1, Device> x;
  Dropout drop{"x", 0.3};
  size_t shapes = 1;  // how many shapes the task says that batches have
  bool uploads_what_changes = false;

  BatchShape load(const TrainingStep<Device>& step) {
    send(vcell_test::random_tensor<float, 1>({50}, 10 + step.number), x);
    return {1, step.number % shapes, 0};
  }
  Variable<float, 0, Device> loss_of_loaded(const TrainingStep<Device>& step) const {
    const Pass<Device> pass{.training = true, .seed = 5, .step = step};
    auto y = silu(drop(multiply(w, x), pass));
    if (uploads_what_changes)
      y = multiply(y, Variable<float, 1, Device>(to_device<Device>(
                          vcell_test::random_tensor<float, 1>({50}, step.number))));
    return mean(multiply(y, y));
  }
  Variable<float, 0, Device> loss(const TrainingStep<Device>& step) {
    load(step);
    return loss_of_loaded(step);
  }
  std::optional<double> validation_loss() { return std::nullopt; }
};

struct Outcome {
  std::vector<float> values;
  std::vector<MetricsRow> rows;
  RecordedSteps recorded;
};

TrainOptions options(bool record) {
  return {.max_steps = 12,
          .learning_rate = 0.02,
          .warmup = 2,
          .ema = 0.9,
          .clip = 0.05,
          .validate_every = 0,
          .report_every = 5,
          .record = record};
}

template <class Device>
Outcome train(const TrainOptions& o, size_t shapes = 1, bool uploads_what_changes = false) {
  Task<Device> task;
  task.shapes = shapes;
  task.uploads_what_changes = uploads_what_changes;
  Outcome out;
  Trainer<float, Device> trainer(task.parameters, o);
  out.recorded =
      trainer.run(task, {.metrics = [&](const MetricsRow& row) { out.rows.push_back(row); }})
          .recorded;
  trainer.use_best();
  const auto values = to_host(View<const float, 1, Device>(task.parameters.values()));
  out.values.assign(values.values().begin(), values.values().end());
  return out;
}

}  // namespace

TEST_CASE("cuda recorded steps: the bytes of steps that are queued, and the numbers of the Cpu",
          "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto expected = train<Cpu>(options(true));
  CHECK(expected.recorded.count == 0);
  const auto queued = train<Cuda>(options(false));
  CHECK(queued.recorded.count == 0);
  CHECK(queued.recorded.why_not == "");
  CHECK(queued.rows.size() == 12);
  for (size_t i = 0; i < 12; ++i) {
    CHECK(queued.rows[i].step == i + 1);
    CHECK(queued.rows[i].train_loss == Approx(expected.rows[i].train_loss).epsilon(1e-5));
    CHECK(queued.rows[i].gradient_norm == Approx(expected.rows[i].gradient_norm).epsilon(1e-5));
  }
  CHECK(vcell_test::largest_error(std::span<const float>(queued.values),
                                  std::span<const float>(expected.values)) < 1e-5);
  const auto recorded = train<Cuda>(options(true));
  CHECK(recorded.recorded.why_not == "");
  CHECK(recorded.recorded.count == 11);  // the first is noted
  CHECK(recorded.values == queued.values);
  CHECK(recorded.rows == queued.rows);
}

TEST_CASE("cuda recorded steps: a recording for each of two shapes, and a reason for more",
          "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto expected = train<Cuda>(options(false));
  const auto two = train<Cuda>(options(true), 2);
  CHECK(two.recorded.count == 10);
  CHECK(two.recorded.why_not == "");
  CHECK(two.values == expected.values);
  const auto three = train<Cuda>(options(true), 3);
  CHECK(three.recorded.count == 6);
  CHECK(three.recorded.why_not == "batches have more than two shapes");
  CHECK(three.values == expected.values);
}

TEST_CASE("cuda recorded steps: those of several batches", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  TrainOptions o = options(false);
  o.max_steps = 4;
  o.accumulate = 3;
  const auto expected = train<Cpu>(o), queued = train<Cuda>(o);
  REQUIRE(queued.rows.size() == 4);
  for (size_t i = 0; i < 4; ++i) {
    CHECK(queued.rows[i].train_loss == Approx(expected.rows[i].train_loss).epsilon(1e-5));
    CHECK(queued.rows[i].gradient_norm == Approx(expected.rows[i].gradient_norm).epsilon(1e-5));
  }
  CHECK(vcell_test::largest_error(std::span<const float>(queued.values),
                                  std::span<const float>(expected.values)) < 1e-5);
  o.record = true;
  const auto recorded = train<Cuda>(o);
  CHECK(recorded.recorded.count == 3);  // the first, next and last batches of a step are noted once
  CHECK(recorded.recorded.why_not == "");
  CHECK(recorded.values == queued.values);
  CHECK(recorded.rows == queued.rows);
}

TEST_CASE("cuda recorded steps: several batches of several shapes", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  TrainOptions o = options(true);
  o.max_steps = 6;
  o.accumulate = 2;
  const auto recorded = train<Cuda>(o);
  // Of three shapes, the batches of steps 1 and 4 alone are of the two that came first.
  const auto three = train<Cuda>(o, 3);
  CHECK(recorded.recorded.count == 5);
  CHECK(three.recorded.count == 1);
  CHECK(three.recorded.why_not == "batches have more than two shapes");
  CHECK(three.values == recorded.values);
}

TEST_CASE("cuda recorded steps: where a step sends what changes, all are queued", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  TrainOptions o = options(false);
  o.max_steps = 4;
  const auto expected = train<Cuda>(o, 1, true);
  o.record = true;
  const auto found = train<Cuda>(o, 1, true);
  CHECK(found.recorded.count == 0);
  CHECK_THAT(found.recorded.why_not, vcell_test::contains("that were others in the run before"));
  CHECK(found.values == expected.values);
}
