#include "vcell/train/checkpoint.hpp"

#include <cmath>

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "support/threads.hpp"
#include "train/folder_bytes.hpp"
#include "train/toy_task.hpp"
#include "vcell/train/metrics_log.hpp"

using namespace vcell;
using vcell_test::contains;
using vcell_test::folder_bytes;
using vcell_test::TemporaryFolder;
using vcell_test::Threads;
using vcell_test::ToyTask;
namespace fs = std::filesystem;

namespace {

const TrainOptions options{.max_steps = 24,
                           .learning_rate = 3e-2,
                           .schedule = ScheduleShape::cosine,
                           .warmup = 2,
                           .validate_every = 5,
                           .checkpoint_every = 8};

/// With all that a step and a choice can have beside.
const TrainOptions rich = [] {
  TrainOptions o = options;
  o.schedule = ScheduleShape::chained;
  o.schedule_steps = 4;
  o.accumulate = 3;
  o.ema = 0.8;
  o.choose_by = ChooseBy::discrimination;
  return o;
}();

/// Its validations choose an alpha, and measure more than the loss: what is best by it comes and
/// goes.
struct AlphaTask : ToyTask<float> {
  std::optional<Validation> validation_loss() const {
    Validation found(*ToyTask::validation_loss(), 0.25);
    found.pearson_delta = -found.loss;
    found.discrimination = std::sin(found.loss * 1e4);
    return found;
  }
};

/// One process of a run in a folder: goes on where the last one stopped.
/// @param stop   the step after which it is asked to stop; 0: never
/// @param crash  the step in whose checkpoint of that kind it is killed; 0: never
TrainResult process(const fs::path& folder, uint64_t stop, uint64_t crash = 0,
                    CheckpointKind kind = CheckpointKind::last, const TrainOptions& o = options) {
  AlphaTask task;
  Trainer trainer(task.parameters, o);
  const Checkpoints checkpoints(folder / "checkpoints");
  if (checkpoints.can_resume()) checkpoints.resume(trainer);
  MetricsLog log(folder / "metrics.csv", trainer.state().step);
  TrainCallbacks callbacks;
  callbacks.metrics = [&](const MetricsRow& row) { log.add(row); };
  callbacks.progress = [&](const ProgressUpdate& u) { return u.done != stop; };
  callbacks.checkpoint = [&](CheckpointKind k) {
    if (crash && trainer.state().step == crash && k == kind) throw std::runtime_error("killed");
    checkpoints.save(trainer, k);
  };
  const auto result = trainer.run(task, callbacks);
  if (result.state.best_step) CHECK(result.state.best_alpha == 0.25);
  if (!result.stopped) {
    trainer.use_best();
    write_safetensors(folder / "weights.safetensors", {{}, parameter_arrays(task.parameters)});
  }
  return result;
}

}  // namespace

TEST_CASE("checkpoints: a run stopped at any step and resumed leaves the same bytes", "[train]") {
  const TemporaryFolder whole;
  {
    const Threads two(2);
    process(whole.path(), 0);
  }
  const auto expected = folder_bytes(whole.path());
  REQUIRE(expected.contains("checkpoints/best/weights.safetensors"));
  REQUIRE(expected.contains("checkpoints/last/optimizer.safetensors"));
  REQUIRE(expected.contains("checkpoints/last/state.safetensors"));
  REQUIRE(expected.contains("checkpoints/step-8/weights.safetensors"));
  REQUIRE(expected.contains("checkpoints/step-24/state.safetensors"));
  REQUIRE(expected.size() == 2 + 3 * 5);
  for (uint64_t stop = 1; stop <= 24; ++stop) {
    const TemporaryFolder parts;
    {
      const Threads some(1 + int(stop % 2));
      REQUIRE(process(parts.path(), stop).stopped);
    }
    REQUIRE(fs::exists(parts.path() / "checkpoints/last"));
    const Threads others(2 - int(stop % 2));
    REQUIRE_FALSE(process(parts.path(), 0).stopped);
    INFO("stopped after step " << stop);
    REQUIRE(folder_bytes(parts.path()) == expected);
  }
}

TEST_CASE("checkpoints: nor do averages, batches added up and another choice change that",
          "[train]") {
  const auto kind = CheckpointKind::last;
  const TemporaryFolder whole;
  const auto result = process(whole.path(), 0, 0, kind, rich);
  CHECK(result.state.best_metric > 0);
  CHECK(result.state.best_step < 24);  // else the choice is not seen
  const auto expected = folder_bytes(whole.path());
  REQUIRE(expected.contains("checkpoints/best/average.safetensors"));
  REQUIRE(expected.size() == 2 + 4 * 5);
  CHECK(expected.at("weights.safetensors") == expected.at("checkpoints/best/average.safetensors"));
  CHECK(expected.at("weights.safetensors") != expected.at("checkpoints/best/weights.safetensors"));
  for (uint64_t stop = 1; stop <= 24; ++stop) {
    const TemporaryFolder parts;
    REQUIRE(process(parts.path(), stop, 0, kind, rich).stopped);
    REQUIRE_FALSE(process(parts.path(), 0, 0, kind, rich).stopped);
    INFO("stopped after step " << stop);
    REQUIRE(folder_bytes(parts.path()) == expected);
  }
  for (const auto killed : {CheckpointKind::last, CheckpointKind::best}) {
    const TemporaryFolder parts;
    const uint64_t step = result.state.best_step;
    REQUIRE_THROWS_WITH(process(parts.path(), 0, step, killed, rich), "killed");
    process(parts.path(), 0, 0, kind, rich);
    REQUIRE(folder_bytes(parts.path()) == expected);
  }
}

TEST_CASE("checkpoints: a run killed anywhere and resumed leaves the same bytes", "[train]") {
  const TemporaryFolder whole;
  process(whole.path(), 0);
  const auto expected = folder_bytes(whole.path());
  const std::pair<uint64_t, CheckpointKind> moments[] = {
      {5, CheckpointKind::last},  {5, CheckpointKind::best},  {8, CheckpointKind::step},
      {8, CheckpointKind::last},  {10, CheckpointKind::last}, {10, CheckpointKind::best},
      {16, CheckpointKind::step}, {24, CheckpointKind::last}, {24, CheckpointKind::best}};
  for (const auto& [step, kind] : moments) {
    const TemporaryFolder parts;
    INFO("killed in step " << step << ", checkpoint " << int(kind));
    REQUIRE_THROWS_WITH(process(parts.path(), 0, step, kind), "killed");
    process(parts.path(), step + 2);  // and stopped a little later
    process(parts.path(), 0);
    REQUIRE(folder_bytes(parts.path()) == expected);
  }
}

TEST_CASE("checkpoints: a log that was cut off within a line goes on", "[train]") {
  const TemporaryFolder whole, parts;
  process(whole.path(), 0);
  process(parts.path(), 7);
  std::ofstream(parts.path() / "metrics.csv", std::ios::app | std::ios::binary)
      << "8,0.1,,0.1,1\n9,0";
  process(parts.path(), 0);
  REQUIRE(folder_bytes(parts.path()) == folder_bytes(whole.path()));
}

TEST_CASE("checkpoints: damage and mismatch are told, and change nothing", "[train]") {
  const TemporaryFolder folder;
  const Checkpoints checkpoints(folder.path());
  ToyTask<float> task;
  REQUIRE_FALSE(checkpoints.can_resume());
  Trainer trainer(task.parameters, {.max_steps = 4, .validate_every = 2});
  trainer.run(task, {.checkpoint = [&](auto kind) { checkpoints.save(trainer, kind); }});
  REQUIRE(checkpoints.can_resume());

  ToyTask<float> other(5);
  const auto before = other.values();
  const auto check = [&](const TrainOptions& o, const auto& matcher) {
    Trainer t(other.parameters, o);
    REQUIRE_THROWS_WITH(checkpoints.resume(t), matcher);
    REQUIRE(other.values() == before);
    REQUIRE(t.state() == TrainState{});
    REQUIRE(t.optimizer().steps() == 0);
  };
  check({.seed = 7}, contains("was made with seed 42") && contains("with 7"));
  check({.optimizer = OptimizerKind::adam},
        contains("made with decoupled 1") && contains("with 0"));
  check({.weight_decay = 0.5}, contains("weight_decay 5e-04") && contains("with 0.5"));
  check({.beta2 = 0.9}, contains("beta2 0.999"));
  check({.accumulate = 2}, contains("made with accumulate 1") && contains("with 2"));
  check({.ema = 0.5}, contains("made with ema 0") && contains("with 0.5"));
  check({.choose_by = ChooseBy::pearson_delta}, contains("choose_by 0") && contains("with 1"));

  const auto edit = [&](const char* file, auto change) {
    const fs::path path = folder.path() / "last" / file;
    const auto kept = read_safetensors(path);
    auto content = kept;
    change(content.tensors);
    write_safetensors(path, content);
    return [=] { write_safetensors(path, kept); };
  };
  std::function<void()> mend = edit("state.safetensors", [](auto& t) { t.erase("accumulate"); });
  check({.accumulate = 2}, contains("made with accumulate 1"));  // of before it was noted
  mend();
  mend = edit("state.safetensors", [](auto& t) { t.erase("misses"); });
  check({}, contains("state.safetensors") && contains("no array 'misses'"));
  mend();
  mend = edit("state.safetensors", [](auto& t) {
    t["best_step"] = Array::of<uint64_t>({}, std::array<uint64_t, 1>{1});
  });
  check({}, contains("step 1 was best") && contains("is of step 4"));
  mend();
  mend = edit("optimizer.safetensors", [](auto& t) { t["first.first.bias"].shape = {1, 33}; });
  check({}, contains("optimizer.safetensors") && contains("(1, 33), expected float32 (33)"));
  mend();
  mend = edit("weights.safetensors", [](auto& t) {
    t["third"] = t["first.bias"];
    t.erase("first.bias");
  });
  check({}, contains("missing are 'first.bias', unknown are 'third'"));
  mend();
  fs::resize_file(folder.path() / "last" / "optimizer.safetensors", 100);
  check({}, contains("optimizer.safetensors"));
  fs::remove_all(folder.path() / "best");
  ToyTask<float> third;
  Trainer t(third.parameters, {});
  REQUIRE_THROWS_AS(checkpoints.resume(t), Error);
}
