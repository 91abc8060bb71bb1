// Whole trainings on a device whose memory the host may not touch: the bytes of the Cpu, and no
// waiting within a step.
#include <limits>
#include <map>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/guarded_kernels.hpp"
#include "support/temporary_folder.hpp"
#include "train/folder_bytes.hpp"
#include "train/st_screen.hpp"
#include "vcell/models/predict.hpp"
#include "vcell/ops/scale.hpp"
#include "vcell/train/checkpoint.hpp"
#include "vcell/train/clip_gradient_norm.hpp"
#include "vcell/train/metrics_log.hpp"
#include "vcell/train/train_state_transition.hpp"

using namespace vcell;
using vcell_test::folder_bytes;
using vcell_test::Guarded;
using vcell_test::guarded_waits;
using vcell_test::StScreen;
using vcell_test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

struct Outcome {
  std::map<std::string, std::string> files;  // checkpoints and metrics
  std::vector<float> predicted;
};

/// Trains in a folder, in as many processes as it takes: each is asked to stop once, after one of
/// these steps, and the next one resumes. Then predicts with the best parameters.
template <class Device>
Outcome train(const StScreen& s, StateTransitionConfig config, TrainOptions options,
              const std::vector<uint64_t>& stops, size_t resident_bytes = 0) {
  const bool batches = config.batches > 0;
  const auto features = s.one_hot();
  const TemporaryFolder folder;
  const Checkpoints checkpoints(folder.path() / "checkpoints");
  auto parts = s.parts;
  std::optional<TrainingAnchors> anchors;
  std::vector<float> anchor;
  if (config.anchor != Anchor::none) {
    anchors.emplace(s.screen, parts, 1);
    anchor.assign(StScreen::genes, 0.25f);
  }
  Outcome out;
  for (size_t i = 0; i <= stops.size(); ++i) {
    StateTransition<float, Device> model(config, i + 1);  // initial values of a resumed one: moot
    Trainer<float, Device> trainer(model.parameters(), options);
    if (checkpoints.can_resume()) checkpoints.resume(trainer);
    CHECK((trainer.state().step > 0) == (i > 0));
    auto task_options = s.options(batches);
    task_options.sets.sets.fill = false;  // short sets are padded
    task_options.anchors = anchors ? &*anchors : nullptr;
    task_options.choose_alpha = true;
    task_options.resident_bytes = resident_bytes;
    StateTransitionTask<float, Device> task(model, features, s.screen, parts, task_options,
                                            trainer.batches());
    CHECK(task.is_resident() == (resident_bytes > 0));
    MetricsLog log(folder.path() / "metrics.csv", trainer.state().step);
    TrainCallbacks callbacks;
    callbacks.metrics = [&](const MetricsRow& row) { log.add(row); };
    callbacks.progress = [&](const ProgressUpdate& u) {
      return i == stops.size() || u.done != stops[i];
    };
    callbacks.checkpoint = [&](CheckpointKind kind) { checkpoints.save(trainer, kind); };
    CHECK(trainer.run(task, callbacks).stopped == (i < stops.size()));
    if (i < stops.size()) continue;
    trainer.use_best();
    std::vector<size_t> controls;
    for (size_t row = 0; row < s.screen.perturbation.size() && controls.size() < 11; ++row)
      if (s.screen.perturbation.codes[row] == s.screen.control) controls.push_back(row);
    for (const char* name : {"P1", "P3"}) {
      const auto one = predict(
          model, s.screen.expression, controls, features.vector(name),
          batches ? std::span<const int32_t>(s.screen.batch.codes) : std::span<const int32_t>(),
          {.set_size = 4, .sets_at_a_time = 2, .anchor = anchor, .alpha = anchors ? 0.5 : 1});
      out.predicted.insert(out.predicted.end(), one.values.begin(), one.values.end());
    }
    write_safetensors(folder.path() / "weights.safetensors",
                      {{}, parameter_arrays(model.parameters())});
  }
  out.files = folder_bytes(folder.path());
  return out;
}

void check_same(const Outcome& found, const Outcome& expected) {
  for (const auto& [name, bytes] : expected.files) {
    INFO(name);
    CHECK(found.files.contains(name));
    if (found.files.contains(name)) CHECK((found.files.at(name) == bytes));
  }
  CHECK(found.files.size() == expected.files.size());
  CHECK(found.predicted == expected.predicted);
}

const TrainOptions options{.max_steps = 50,
                           .learning_rate = 3e-3,
                           .schedule = ScheduleShape::cosine,
                           .warmup = 3,
                           .clip = 0.5,
                           .validate_every = 15,
                           .checkpoint_every = 20};

TrainOptions reporting_every(uint64_t steps) {
  TrainOptions o = options;
  o.report_every = steps;
  return o;
}

/// A task that notes what comes before each of its losses.
template <class Device>
struct Watched : StateTransitionTask<float, Device> {
  using StateTransitionTask<float, Device>::StateTransitionTask;
  std::function<void(uint64_t)> before_loss;
  uint64_t bad_step = ~uint64_t(0);

  Variable<float, 0, Device> loss(const TrainingStep<Device>& step) {
    if (before_loss) before_loss(step.number);
    const auto good = StateTransitionTask<float, Device>::loss(step);
    return step.number == bad_step ? scale(good, std::numeric_limits<double>::quiet_NaN()) : good;
  }
};

}  // namespace

TEST_CASE("device: a run with checkpoints leaves the bytes of the Cpu, also when it is resumed",
          "[device]") {
  const StScreen s;
  const auto expected = train<Cpu>(s, s.config(true), options, {});
  CHECK(expected.files.size() == 3 * 4 + 2);  // step-20, step-40, last and best
  CHECK(expected.predicted.size() == 2 * 11 * StScreen::genes);
  check_same(train<Guarded>(s, s.config(true), options, {}), expected);
  check_same(train<Guarded>(s, s.config(true), reporting_every(1), {17, 30}), expected);
  check_same(train<Guarded>(s, s.config(true), options, {17, 33}), expected);
  check_same(train<Cpu>(s, s.config(true), reporting_every(7), {17}), expected);
}

TEST_CASE("device: other kinds of the model give the bytes of the Cpu as well", "[device]") {
  const StScreen s;
  TrainOptions few = options;
  few.max_steps = 8;
  few.optimizer = OptimizerKind::adam;
  few.clip = 0;
  auto config = s.config();
  config.basal_mlp = true;
  config.predict_residual = false;
  config.loss = SetLoss::mean_squared_error;
  check_same(train<Guarded>(s, config, few, {}), train<Cpu>(s, config, few, {}));
}

TEST_CASE("device: cells that are gathered there give the bytes of cells that are sent",
          "[device]") {
  const StScreen s;
  TrainOptions few = options;
  few.max_steps = 20;
  const auto expected = train<Cpu>(s, s.config(true), few, {});
  const size_t room = (s.screen.cells() + 1) * StScreen::genes * sizeof(float);
  check_same(train<Guarded>(s, s.config(true), few, {7}, room), expected);
  check_same(train<Cpu>(s, s.config(true), few, {}, room), expected);
  StateTransitionTaskOptions less = s.options(true);
  less.resident_bytes = room - 1;
  const auto features = s.one_hot();
  const StateTransition<float> model(s.config(true), 1);
  CHECK_FALSE(StateTransitionTask<float>(model, features, s.screen, s.parts, less).is_resident());
}

TEST_CASE("device: an anchored model gives the bytes of the Cpu, also when it is resumed",
          "[device]") {
  const StScreen s;
  auto config = s.config();
  config.anchor = Anchor::perturbation_mean;
  const auto expected = train<Cpu>(s, config, options, {});
  check_same(train<Guarded>(s, config, options, {}), expected);
  check_same(train<Guarded>(s, config, options, {17, 33}), expected);
}

TEST_CASE("device: averages and batches added up give the bytes of the Cpu, also when resumed",
          "[device]") {
  const StScreen s;
  TrainOptions rich = options;
  rich.max_steps = 20;
  rich.accumulate = 2;
  rich.ema = 0.7;
  rich.validate_every = 6;
  rich.choose_by = ChooseBy::pearson_delta;
  const auto expected = train<Cpu>(s, s.config(true), rich, {});
  CHECK(expected.files.size() == 4 * 3 + 2);  // with average.safetensors
  check_same(train<Guarded>(s, s.config(true), rich, {}), expected);
  check_same(train<Guarded>(s, s.config(true), rich, {7}), expected);
}

TEST_CASE("device: parameters are loaded, frozen and clipped there", "[device]") {
  const StScreen s;
  const auto norms = [&]<class Device>(Device) {
    const StateTransition<float> source(s.config(), 5);
    StateTransition<float, Device> model(s.config(), 6);
    load_parameters(model.parameters(),
                    parameter_arrays(source.parameters()));  // before the layout
    model.parameters().values();
    load_parameters(model.parameters(), parameter_arrays(source.parameters()));  // and after it
    model.parameters().freeze("transformer_backbone.layers.0.mlp");
    const auto features = s.one_hot();
    StateTransitionTask<float, Device> task(model, features, s.screen, s.parts, s.options());
    Adam<float, Device> optimizer(model.parameters());
    backward(task.loss(0));
    const double before = clip_gradient_norm(model.parameters(), 0.01);
    optimizer.step(1e-2);
    std::vector<double> all{before, gradient_norm(model.parameters()),
                            task.validation_loss()->loss};
    CHECK(all[1] < all[0]);
    return all;
  };
  CHECK(norms(Guarded()) == norms(Cpu()));
}

TEST_CASE("device: a step that does not report does not wait", "[device]") {
  const StScreen s;
  const auto features = s.one_hot();
  StateTransition<float, Guarded> model(s.config(), 1);
  TrainOptions late = options;  // where nothing is said, every 20 steps are reported
  late.max_steps = 70;
  late.validate_every = 50;
  late.checkpoint_every = 0;
  Trainer<float, Guarded> trainer(model.parameters(), late);
  auto sets = s.options();
  sets.validation_batches = 2;
  Watched<Guarded> task(model, features, s.screen, s.parts, sets);
  std::vector<size_t> waits;  // before each step, since the start
  const size_t start = guarded_waits;
  task.before_loss = [&](uint64_t) { waits.push_back(guarded_waits - start); };
  const TemporaryFolder folder;
  const Checkpoints checkpoints(folder.path());
  size_t saved = 0;
  TrainCallbacks callbacks;
  callbacks.checkpoint = [&](CheckpointKind kind) {
    const size_t before = guarded_waits;
    checkpoints.save(trainer, kind);
    saved += guarded_waits - before;
  };
  trainer.run(task, callbacks);
  waits.push_back(guarded_waits - start);

  constexpr size_t report = 2;      // the rows, and which step was bad
  constexpr size_t validation = 4;  // loss and cells of each of two batches
  constexpr size_t checkpoint = 3;  // weights and both moments
  REQUIRE(waits.size() == 71);
  CHECK(saved % checkpoint == 0);
  CHECK(saved >= 2 * checkpoint);  // last twice, and best
  const size_t save_50 = waits[50] - waits[49] - report - validation;
  CHECK((save_50 == 2 * checkpoint || save_50 == checkpoint));
  for (size_t step = 0; step <= 70; ++step) {
    size_t expected = step / 20 * report;  // after 20 and 40
    if (step >= 50) expected = 3 * report + validation + save_50;
    if (step == 70) expected = 4 * report + 2 * validation + saved;
    INFO("before step " << step);
    CHECK(waits[step] == expected);
  }
}

TEST_CASE("device: kernels are called with the same numbers in every step", "[device]") {
  const StScreen s;
  const auto features = s.one_hot();
  StateTransition<float, Guarded> model(s.config(true), 1);
  TrainOptions late = options;
  late.max_steps = 12;
  late.validate_every = 0;
  late.checkpoint_every = 0;
  Trainer<float, Guarded> trainer(model.parameters(), late);
  Watched<Guarded> task(model, features, s.screen, s.parts, s.options(true));
  std::string step;
  std::vector<std::string> steps;
  vcell_test::guarded_arguments = &step;
  task.before_loss = [&](uint64_t) { steps.push_back(std::exchange(step, {})); };
  trainer.run(task);
  vcell_test::guarded_arguments = nullptr;
  REQUIRE(steps.size() == 12);  // nothing, and all steps but the last
  CHECK_FALSE(steps[1].empty());
  for (size_t i = 2; i < steps.size(); ++i) CHECK((steps[i] == steps[1]));
}

TEST_CASE("device: a bad step that is seen later has changed nothing there", "[device]") {
  const StScreen s;
  const auto features = s.one_hot();
  struct Standing {
    TrainState state;
    uint64_t steps;
    std::vector<std::vector<float>> numbers;
    bool operator==(const Standing&) const = default;
  };
  const auto standing = [](const Trainer<float, Guarded>& trainer) {
    Standing now{trainer.state(), trainer.optimizer().steps(), {}};
    const auto fetch = [&](auto view) {
      const auto host = to_host(view);
      now.numbers.emplace_back(host.values().begin(), host.values().end());
    };
    fetch(trainer.parameters().values());
    fetch(trainer.optimizer().first());
    fetch(trainer.optimizer().second());
    return now;
  };
  // Trains to an end, with a bad step or without.
  const auto train_to = [&](uint64_t steps, uint64_t bad_step) {
    StateTransition<float, Guarded> model(s.config(), 1);
    Trainer<float, Guarded> trainer(model.parameters(), {.max_steps = steps,
                                                         .schedule = ScheduleShape::constant,
                                                         .validate_every = 0,
                                                         .report_every = 8});
    Watched<Guarded> task(model, features, s.screen, s.parts, s.options());
    task.bad_step = bad_step;
    std::vector<uint64_t> told;
    const auto run = [&] {
      trainer.run(task, {.metrics = [&](const MetricsRow& row) { told.push_back(row.step); }});
    };
    if (bad_step < steps)
      vcell_test::check_error<Error>(
          run, {message("training loss of step ", bad_step + 1, " is"), "nan"});
    else
      run();
    return std::pair(standing(trainer), told);
  };
  const auto [expected, all] = train_to(10, 10);
  CHECK(all.size() == 10);
  auto [found, told] = train_to(30, 10);
  CHECK(told == all);
  CHECK(found.state.step == 10);
  CHECK(found.steps == 10);
  CHECK(found.numbers == expected.numbers);
}

TEST_CASE("device: the host's model is trained there as here, whatever has been done before",
          "[device]") {
  const StScreen s;
  const auto features = s.one_hot();
  TrainOptions rich = options;
  rich.max_steps = 30;
  rich.ema = 0.7;
  rich.report_every = 1;  // or the device is told to stop some steps later
  struct Seen {
    std::vector<std::vector<float>> numbers;  // at each checkpoint and in the end
    std::vector<TrainState> states;
    std::vector<MetricsRow> rows;
    size_t begun = 0;
    bool operator==(const Seen&) const = default;
  };
  // Trains so many steps on one device, the rest on another.
  const auto train = [&]<class First, class Second>(First, Second, uint64_t first_steps) {
    const StateTransition<float> model(s.config(true), 3);
    Trainer<float> trainer(model.parameters(), rich);
    Seen seen;
    const auto look = [&] {
      const auto add = [&](auto view) { seen.numbers.emplace_back(view.begin(), view.end()); };
      add(trainer.parameters().values());
      add(trainer.optimizer().first());
      add(trainer.optimizer().second());
      add(trainer.best());
      add(trainer.average());
      seen.states.push_back(trainer.state());
    };
    const auto task_options = s.options(true);
    StateTransitionTraining training{model, trainer, features, s.screen, s.parts, task_options};
    training.begin = [&] { ++seen.begun; };
    training.callbacks.metrics = [&](const MetricsRow& row) { seen.rows.push_back(row); };
    training.callbacks.checkpoint = [&](CheckpointKind) { look(); };
    training.callbacks.progress = [&](const ProgressUpdate& u) { return u.done != first_steps; };
    CHECK(train_state_transition<First>(training).stopped == (first_steps < rich.max_steps));
    if (first_steps < rich.max_steps) train_state_transition<Second>(training);
    look();
    trainer.use_best();
    look();
    return seen;
  };
  const Seen expected = train(Cpu(), Cpu(), 17);
  CHECK(expected.begun == 2);
  CHECK(expected.rows.size() == 30);
  CHECK(expected.states.back().best_step > 0);
  CHECK((train(Guarded(), Guarded(), 17) == expected));
  CHECK((train(Cpu(), Guarded(), 17) == expected));
  CHECK((train(Guarded(), Cpu(), 17) == expected));
  CHECK((train(Guarded(), Cpu(), 31) == train(Cpu(), Cpu(), 31)));
}

TEST_CASE("device: what is frozen on the host stays as it is there too", "[device]") {
  const StScreen s;
  const auto features = s.one_hot();
  TrainOptions few = options;
  few.max_steps = 12;
  few.report_every = 1;  // or the device is told to stop some steps later
  // Trains so many steps on one device, the rest on another: values and moments, and how many
  // parameters stayed.
  const auto train = [&]<class First, class Second>(First, Second,
                                                    const std::vector<std::string>& frozen) {
    const StateTransition<float> model(s.config(true), 3);
    for (const std::string& name : frozen) model.parameters().freeze(name);
    const auto before = parameter_arrays(model.parameters());
    Trainer<float> trainer(model.parameters(), few);
    const auto task_options = s.options(true);
    StateTransitionTraining training{model, trainer, features, s.screen, s.parts, task_options};
    training.callbacks.progress = [](const ProgressUpdate& u) { return u.done != 5; };
    train_state_transition<First>(training);
    train_state_transition<Second>(training);
    CHECK(trainer.state().step == 12);
    std::vector<float> numbers;
    const auto add = [&](auto view) { numbers.insert(numbers.end(), view.begin(), view.end()); };
    add(trainer.parameters().values());
    add(trainer.optimizer().first());
    add(trainer.optimizer().second());
    size_t stayed = 0;
    for (const auto& [name, values] : parameter_arrays(model.parameters()))
      stayed += values.template as<float>() == before.at(name).template as<float>();
    return std::pair(stayed, numbers);
  };
  // In the middle of a model, at both its ends, and all but one layer.
  const std::string backbone = "transformer_backbone.layers.0";
  for (const auto& [frozen, count] : std::vector<std::pair<std::vector<std::string>, size_t>>{
           {{}, 0},
           {{backbone + ".mlp"}, 3},
           {{backbone + ".self_attn", "pert_encoder", "project_out", "batch_encoder"}, 13}}) {
    const auto expected = train(Cpu(), Cpu(), frozen);
    CHECK(expected.first == count);
    CHECK((train(Guarded(), Guarded(), frozen) == expected));
    CHECK((train(Cpu(), Guarded(), frozen) == expected));
    CHECK((train(Guarded(), Cpu(), frozen) == expected));
  }
}
