// Whole trainings of State Transition models on the GPU, in memory: the numbers of the Cpu.
#include "support/catch.hpp"
#include "vcell/cuda.cuh"
//
#include "cuda/support/device.hpp"
#include "cuda/support/state_transition_on_gpu.hpp"
#include "support/largest_error.hpp"
#include "train/st_screen.hpp"
#include "vcell/models/predict.hpp"
#include "vcell/sets/embedding_screen.hpp"
#include "vcell/train/trainer.hpp"

namespace {

using namespace vcell;
using vcell_test::StScreen;

struct How {
  bool record = false;
  size_t resident_bytes = 0;
  size_t set_size = 4, batch_size = 3;
};

struct Outcome {
  std::vector<MetricsRow> rows;
  std::vector<float> predicted;
  RecordedSteps recorded;
};

/// Dense rows whose sum is 0.
DenseMatrix<float> as_embedding(const CsrMatrix<float>& cells) {
  DenseMatrix<float> out{cells.rows, cells.columns, std::vector<float>(cells.rows * cells.columns)};
  for (size_t i = 0; i < cells.rows; ++i) {
    float sum = 0;
    for (const float v : cells.row_values(i)) sum += v;
    for (size_t k = 0; k < cells.row_size(i); ++k)
      out.row(i)[size_t(cells.row_indices(i)[k])] =
          cells.row_values(i)[k] - sum / float(cells.columns);
  }
  return out;
}

TrainOptions few_steps(uint64_t steps) {
  return {.max_steps = steps,
          .learning_rate = 3e-3,
          .schedule = ScheduleShape::cosine,
          .warmup = 2,
          .clip = 0.5,
          .validate_every = 3,
          .report_every = 2};
}

/// Trains, then predicts with the best parameters.
template <class Device>
Outcome train(const StateTransitionConfig& config, TrainOptions options, How how = {}) {
  const StScreen s;
  // An embedding of as many columns, from which genes are decoded.
  const Screen screen = config.output_space == OutputSpace::embedding
                            ? embedding_screen(s.screen, as_embedding(s.screen.expression))
                            : s.screen;
  const auto features = s.one_hot();
  const bool batches = config.batches > 0 || config.token_batches > 0;
  StateTransition<float, Device> model(config, 1);
  options.record = how.record;
  Trainer<float, Device> trainer(model.parameters(), options);
  auto task_options = s.options(batches);
  task_options.sets.sets.fill = false;  // short sets are padded
  task_options.sets.sets.set_size = how.set_size;
  task_options.sets.batch_size = how.batch_size;
  task_options.resident_bytes = how.resident_bytes;
  task_options.validation_batches = 2;
  if (config.gene_width) task_options.sets.genes = &s.screen.expression;
  auto parts = s.parts;
  std::optional<TrainingAnchors> anchors;
  if (config.anchor != Anchor::none) anchors.emplace(screen, parts, 1);
  task_options.anchors = anchors ? &*anchors : nullptr;
  StateTransitionTask<float, Device> task(model, features, screen, parts, task_options);
  CHECK(task.is_resident() == (how.resident_bytes > 0));
  Outcome out;
  std::vector<Tensor<int32_t, 1, Device>> others;  // in memory that a step has given back
  const auto note = [&](const MetricsRow& row) {
    out.rows.push_back(row);
    if (how.record) others.emplace_back(Shape<1>{how.batch_size});
  };
  out.recorded = trainer.run(task, {.metrics = note}).recorded;
  trainer.use_best();
  std::vector<size_t> controls;
  for (size_t row = 0; row < 7; ++row) controls.push_back(row);
  std::vector<float> anchor(config.anchor != Anchor::none ? StScreen::genes : 0, 0.25f);
  out.predicted = predict(model, screen.expression, controls, features.vector("P1"),
                          config.batches ? std::span<const int32_t>(s.screen.batch.codes)
                                         : std::span<const int32_t>(),
                          {.set_size = 4, .sets_at_a_time = 2, .anchor = anchor})
                      .values;
  return out;
}

void check_near(const Outcome& found, const Outcome& expected, double tolerance) {
  REQUIRE(found.rows.size() == expected.rows.size());
  for (size_t i = 0; i < found.rows.size(); ++i) {
    const MetricsRow &a = found.rows[i], &b = expected.rows[i];
    INFO("step " << b.step);
    CHECK(a.step == b.step);
    CHECK(a.train_loss == Approx(b.train_loss).epsilon(tolerance).margin(tolerance));
    CHECK(a.gradient_norm == Approx(b.gradient_norm).epsilon(10 * tolerance).margin(tolerance));
    CHECK(a.validation_loss.has_value() == b.validation_loss.has_value());
    if (a.validation_loss)
      CHECK(*a.validation_loss == Approx(*b.validation_loss).epsilon(tolerance).margin(tolerance));
  }
  CHECK(vcell_test::largest_error(std::span<const float>(found.predicted),
                                  std::span<const float>(expected.predicted)) < 10 * tolerance);
}

}  // namespace

StateTransitionDevice vcell_test::state_transition_on_gpu() {
  return {.train = train_state_transition<Cuda>, .place = place_model<Cuda>};
}

TEST_CASE(
    "cuda state transition: a training has the numbers of the Cpu; recorded or queued, "
    "gathered or sent, the bytes are the same",
    "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const StScreen s;
  const auto config = s.config(true);
  const auto expected = train<Cpu>(config, few_steps(5));
  const auto queued = train<Cuda>(config, few_steps(5));
  check_near(queued, expected, 1e-4);
#if defined(VCELL_EMULATE_CUDA)
  // Cells that are sent are copied in a context of their own, beside the step before.
  size_t beside = 0;
  auto& device = vcell_emulation::Device::instance();
  const auto* const computing = current_context<Cuda>().stream();
  device.on_upload = [&](const vcell_emulation::Stream& stream, size_t) {
    beside +=
        &stream != computing && !vcell_emulation::knows(stream.past, computing->number,
                                                        computing->past.at(computing->number));
  };
#endif
  const auto recorded = train<Cuda>(config, few_steps(5), {.record = true});
#if defined(VCELL_EMULATE_CUDA)
  device.on_upload = nullptr;
  CHECK(beside >= 2 * 4);
#endif
  CHECK(recorded.recorded.why_not == "");
  CHECK(recorded.recorded.count == 4);
  CHECK(recorded.rows == queued.rows);
  CHECK(recorded.predicted == queued.predicted);
  const auto gathered =
      train<Cuda>(config, few_steps(5), {.record = true, .resident_bytes = 1 << 20});
  CHECK(gathered.rows == queued.rows);
  CHECK(gathered.predicted == queued.predicted);
}

TEST_CASE("cuda state transition: sets that are short in some batches alone", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const StScreen s;
  const size_t steps = 14;
  TrainOptions options = few_steps(steps);
  options.report_every = 1;
  // 16 cells of a perturbation in a context: a whole set, and one of 7 cells.
  const auto queued = train<Cuda>(s.config(), options, {.set_size = 9, .batch_size = 1});
  const auto recorded =
      train<Cuda>(s.config(), options, {.record = true, .set_size = 9, .batch_size = 1});
  CHECK(recorded.recorded.why_not == "");
  CHECK(recorded.recorded.count == steps - 2);  // the first of either shape is noted
  CHECK(recorded.rows == queued.rows);
  CHECK(recorded.predicted == queued.predicted);
}

TEST_CASE("cuda state transition: every kind of model and loss has the numbers of the Cpu",
          "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  using Config = StateTransitionConfig;
  const std::vector<std::pair<const char*, std::function<void(Config&)>>> kinds{
      {"squared error, mlp",
       [](Config& c) {
         c.loss = SetLoss::mean_squared_error;
         c.basal_mlp = true;
         c.predict_residual = false;
         c.recompute = true;
       }},
      {"gpt2, mmd with median",
       [](Config& c) {
         c.backbone = BackboneKind::gpt2;
         c.loss = SetLoss::rbf_mmd;
         c.sigmas = {0.5, 2};
         c.median_heuristic = true;
       }},
      {"sinkhorn, chunks",
       [](Config& c) {
         c.loss = SetLoss::energy_sinkhorn;
         c.loss_chunks = 2;
       }},
      {"tokens, causal",
       [](Config& c) {
         c.token_batches = 2;
         c.confidence_token = true;
         c.attention = AttentionPattern::causal;
         c.l1_weight = 0.1;
       }},
      {"negative binomial decoder",
       [](Config& c) {
         c.output_space = OutputSpace::embedding;
         c.decoder = GeneDecoderKind::negative_binomial;
         c.gene_width = StScreen::genes;
         c.decoder_widths = {16, 16};
       }},
      {"anchored", [](Config& c) { c.anchor = Anchor::perturbation_mean; }}};
  for (const auto& [name, change] : kinds) {
    INFO(name);
    auto config = StScreen().config();
    change(config);
    const auto expected = train<Cpu>(config, few_steps(3));
    const auto found = train<Cuda>(config, few_steps(3), {.record = true});
    CHECK(found.recorded.why_not == "");
    check_near(found, expected, 2e-4);
  }
}

TEST_CASE("cuda state transition: what is frozen stays, the rest has the numbers of the Cpu",
          "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const StScreen s;
  const auto features = s.one_hot();
  const std::vector<std::string> frozen = {"transformer_backbone.layers.0.mlp", "pert_encoder",
                                           "batch_encoder"};
  const auto is_frozen = [&](const std::string& name) {
    return std::ranges::any_of(frozen, [&](const auto& f) { return name.starts_with(f + "."); });
  };
  std::vector<StateTransition<float>> models;
  std::vector<MetricsRow> rows[2];
  for (const auto& train : {TrainStateTransition(train_state_transition<Cpu>),
                            vcell_test::state_transition_on_gpu().train}) {
    const size_t i = models.size();
    const auto& model = models.emplace_back(s.config(true), 3);
    for (const auto& name : frozen) model.parameters().freeze(name);
    Trainer<float> trainer(model.parameters(), few_steps(3));
    const auto task_options = s.options(true);
    StateTransitionTraining training{model, trainer, features, s.screen, s.parts, task_options};
    training.callbacks.metrics = [&](const MetricsRow& row) { rows[i].push_back(row); };
    CHECK(train(training).recorded.why_not == "");
  }
  for (size_t step = 0; step < 3; ++step) {
    CHECK(rows[1].at(step).train_loss == Approx(rows[0].at(step).train_loss).epsilon(1e-4));
    CHECK(rows[1].at(step).gradient_norm == Approx(rows[0].at(step).gradient_norm).epsilon(1e-3));
  }
  const StateTransition<float> start(s.config(true), 3);
  size_t stayed = 0;
  for (size_t i = 0; i < start.parameters().all().size(); ++i) {
    const auto& p = start.parameters().all()[i];
    INFO(p.name);
    const auto values = [&](const StateTransition<float>& model) {
      const auto v = model.parameters().all()[i].value();
      return std::vector<float>(v.begin(), v.end());
    };
    CHECK((values(models[1]) == values(start)) == is_frozen(p.name));
    stayed += is_frozen(p.name);
    double squares = 0;  // by itself each may be off by the rate, as Adam makes one of a rounding
    for (size_t k = 0; k < p.count; ++k)
      squares += std::pow(double(values(models[1])[k]) - double(values(models[0])[k]), 2);
    CHECK(std::sqrt(squares / double(p.count)) < 1e-3);
  }
  CHECK(stayed == 8);
}
