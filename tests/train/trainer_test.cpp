#include "vcell/train/trainer.hpp"

#include <limits>
#include <string>
#include <tuple>

#include "support/catch.hpp"
#include "support/threads.hpp"
#include "train/step_allocations.hpp"
#include "train/toy_task.hpp"
#include "vcell/ops/add.hpp"
#include "vcell/ops/scale.hpp"
#include "vcell/train/clip_gradient_norm.hpp"

using namespace vcell;
using vcell_test::contains;
using vcell_test::ToyTask;

namespace {

/// A task whose validation losses are written down.
struct Scripted : ToyTask<float> {
  std::vector<double> script;
  size_t next = 0;
  std::optional<double> validation_loss() { return script.at(next++); }
};

std::string letters(const std::vector<CheckpointKind>& kinds) {
  std::string text;
  for (const auto kind : kinds) text += "slb"[int(kind)];
  return text;
}

}  // namespace

TEST_CASE("trainer: lowers the loss and keeps the best parameters", "[train]") {
  ToyTask<float> task;
  const double before = *task.validation_loss();
  Trainer trainer(task.parameters, {.max_steps = 300,
                                    .learning_rate = 1e-2,
                                    .schedule = ScheduleShape::constant,
                                    .validate_every = 50});
  std::vector<MetricsRow> rows;
  const auto result =
      trainer.run(task, {.metrics = [&](const MetricsRow& row) { rows.push_back(row); }});
  REQUIRE(result.state.step == 300);
  REQUIRE_FALSE(result.stopped);
  REQUIRE_FALSE(result.stopped_early);
  REQUIRE(result.state.best_validation_loss < 0.1 * before);
  REQUIRE(rows.size() == 300);
  double lowest = before;
  for (size_t i = 0; i < rows.size(); ++i) {
    REQUIRE(rows[i].step == i + 1);
    REQUIRE(rows[i].gradient_norm > 0);
    REQUIRE(rows[i].learning_rate == 1e-2);
    REQUIRE(rows[i].validation_loss.has_value() == (rows[i].step % 50 == 0));
    if (rows[i].validation_loss) lowest = std::min(lowest, *rows[i].validation_loss);
  }
  REQUIRE(lowest == result.state.best_validation_loss);
  trainer.use_best();
  REQUIRE(*task.validation_loss() == result.state.best_validation_loss);
}

TEST_CASE("trainer: the best parameters are those of the best validation", "[train]") {
  Scripted task{ToyTask<float>(), {3, 1, 2, 5}, 0};
  std::vector<std::vector<float>> after;
  Trainer trainer(task.parameters, {.max_steps = 7, .validate_every = 2});
  trainer.run(task, {.metrics = [&](const MetricsRow&) { after.push_back(task.values()); }});
  REQUIRE(task.next == 4);  // after 2, 4, 6 and, the last one, 7
  REQUIRE(trainer.state() == TrainState{7, 4, 1, 2});
  REQUIRE(task.values() == after[6]);
  trainer.use_best();
  REQUIRE(task.values() == after[3]);
  REQUIRE(after[3] != after[6]);
}

TEST_CASE("trainer: without validation the last parameters stay", "[train]") {
  struct Blind : ToyTask<float> {
    std::optional<double> validation_loss() { return std::nullopt; }
  } task;
  std::vector<CheckpointKind> kinds;
  Trainer trainer(task.parameters, {.max_steps = 5, .validate_every = 2, .patience = 1});
  const auto result = trainer.run(task, {.checkpoint = [&](auto kind) { kinds.push_back(kind); }});
  REQUIRE(result.state == TrainState{.step = 5});
  REQUIRE(letters(kinds) == "lll");
  const auto last = task.values();
  trainer.use_best();
  REQUIRE(task.values() == last);
}

TEST_CASE("trainer: early stopping counts validations without a new best", "[train]") {
  Scripted task{ToyTask<float>(), {3, 2, 2, 1, 4, 1, 9, 9}, 0};
  Trainer trainer(task.parameters, {.max_steps = 100, .validate_every = 3, .patience = 2});
  const auto result = trainer.run(task);
  REQUIRE(result.stopped_early);
  REQUIRE(result.state == TrainState{18, 12, 1, 2});  // an equal loss is no new best
  const auto again = trainer.run(task);
  REQUIRE(again.stopped_early);
  REQUIRE(again.state.step == 18);

  Scripted patient{ToyTask<float>(), std::vector<double>(100, 1.0), 0};
  Trainer off(patient.parameters, {.max_steps = 30, .validate_every = 1});
  REQUIRE(off.run(patient).state.step == 30);

  Scripted whole{ToyTask<float>(), {1, 2, 2}, 0};  // patience ends with the last step
  Trainer last(whole.parameters, {.max_steps = 3, .validate_every = 1, .patience = 2});
  REQUIRE_FALSE(last.run(whole).stopped_early);
}

TEST_CASE("trainer: checkpoints come as step, last, best", "[train]") {
  Scripted task{ToyTask<float>(), {3, 4, 2}, 0};
  std::vector<std::string> seen;
  std::vector<CheckpointKind> kinds;
  Trainer trainer(task.parameters, {.max_steps = 9, .validate_every = 3, .checkpoint_every = 4});
  TrainCallbacks callbacks;
  callbacks.metrics = [&](const MetricsRow& row) {
    if (!kinds.empty()) seen.push_back(letters(kinds));
    kinds.clear();
    REQUIRE(row.step == trainer.state().step);
  };
  callbacks.checkpoint = [&](CheckpointKind kind) {
    if (kinds.empty()) seen.push_back(message(trainer.state().step));
    kinds.push_back(kind);
  };
  trainer.run(task, callbacks);
  seen.push_back(letters(kinds));
  REQUIRE(seen == std::vector<std::string>{"3", "lb", "4", "sl", "6", "l", "8", "sl", "9", "lb"});
}

TEST_CASE("trainer: stops after the step in which it is asked to", "[train]") {
  ToyTask<float> task;
  Trainer trainer(task.parameters, {.max_steps = 50, .validate_every = 10});
  std::vector<CheckpointKind> kinds;
  TrainCallbacks callbacks;
  callbacks.progress = [](const ProgressUpdate& update) {
    REQUIRE(update.stage == "train");
    REQUIRE(update.total == 50);
    REQUIRE(update.note.starts_with("loss "));
    return update.done < 4;
  };
  callbacks.checkpoint = [&](CheckpointKind kind) { kinds.push_back(kind); };
  const auto result = trainer.run(task, callbacks);
  REQUIRE(result.stopped);
  REQUIRE(result.state.step == 4);
  REQUIRE(letters(kinds) == "l");
}

TEMPLATE_TEST_CASE("trainer: one that was stopped and put back goes on exactly", "[train]", float,
                   double) {
  using T = TestType;
  const TrainOptions options{.max_steps = 23,
                             .learning_rate = 1e-2,
                             .schedule = ScheduleShape::cosine,
                             .warmup = 3,
                             .clip = 0.5,
                             .validate_every = 5};
  std::vector<MetricsRow> whole_rows, rows;
  ToyTask<T> whole;
  const vcell_test::Threads two(2);
  Trainer trainer(whole.parameters, options);
  trainer.run(whole, {.metrics = [&](const MetricsRow& row) { whole_rows.push_back(row); }});
  trainer.use_best();
  const vcell_test::Threads one(1);
  for (const uint64_t stop : {1, 4, 5, 22}) {
    rows.clear();
    TrainCallbacks callbacks;
    callbacks.metrics = [&](const MetricsRow& row) { rows.push_back(row); };
    callbacks.progress = [&](const ProgressUpdate& u) { return u.done != stop; };
    ToyTask<T> first;
    Trainer before(first.parameters, options);
    REQUIRE(before.run(first, callbacks).stopped);

    ToyTask<T> second(77);  // other initial values, which must not matter
    Trainer after(second.parameters, options);
    for (size_t i = 0; i < first.parameters.all().size(); ++i) {
      const auto from = first.parameters.all()[i].value();
      std::copy(from.begin(), from.end(), second.parameters.all()[i].mutable_value().begin());
    }
    const auto& optimizer = before.optimizer();
    after.optimizer().restore(optimizer.steps(), to_host(optimizer.first()),
                              to_host(optimizer.second()));
    after.restore(before.state(), to_host(before.best()));
    after.run(second, callbacks);
    after.use_best();
    REQUIRE(rows == whole_rows);
    REQUIRE(second.values() == whole.values());
    REQUIRE(after.state() == trainer.state());
  }
}

TEST_CASE("trainer: a loss that is not finite ends it before the parameters change", "[train]") {
  struct Bad : ToyTask<float> {
    uint64_t bad_step = 3;
    float factor = std::numeric_limits<float>::quiet_NaN();
    Variable<float, 0> loss(const TrainingStep<>& step) {
      if (step.number == bad_step) *w2.mutable_value().data = factor;
      return ToyTask<float>::loss(step);
    }
  };
  {
    Bad task;
    Trainer trainer(task.parameters,
                    {.max_steps = 10, .learning_rate = 0.25, .schedule = ScheduleShape::constant});
    REQUIRE_THROWS_WITH(trainer.run(task), contains("training loss of step 4 is nan") &&
                                               contains("lower learning rate (it is 0.25)") &&
                                               contains("warm-up"));
    REQUIRE(trainer.state().step == 3);
    REQUIRE(trainer.optimizer().steps() == 3);
  }
  {
    Bad task;  // the loss is the square of this, which float cannot hold
    task.factor = 1e30f;
    Trainer trainer(task.parameters, {.max_steps = 10});
    REQUIRE_THROWS_WITH(trainer.run(task), contains("step 4 is inf"));
  }
  {
    Scripted task{ToyTask<float>(), {1, std::nan("")}, 0};
    Trainer trainer(task.parameters, {.max_steps = 10, .validate_every = 2, .report_every = 9});
    uint64_t told = 0;
    const TrainCallbacks callbacks{.metrics = [&](const MetricsRow& row) { told = row.step; }};
    REQUIRE_THROWS_WITH(trainer.run(task, callbacks), contains("validation loss of step 4 is nan"));
    REQUIRE(trainer.state().best_step == 2);
    REQUIRE(told == 3);
  }
}

TEST_CASE("trainer: a step whose loss throws has not been", "[train]") {
  struct Failing : ToyTask<float> {
    bool fails = false;
    Variable<float, 0> loss(const TrainingStep<>& step) {
      if (step.number == 4 && std::exchange(fails, false)) throw std::runtime_error("no batch");
      return ToyTask<float>::loss(step);
    }
  } expected, task;
  Trainer whole(expected.parameters, {.max_steps = 9}), trainer(task.parameters, {.max_steps = 9});
  whole.run(expected);
  task.fails = true;
  REQUIRE_THROWS_WITH(trainer.run(task), contains("no batch"));
  CHECK(trainer.state().step == 4);
  CHECK(trainer.optimizer().steps() == 4);
  trainer.run(task);
  CHECK(task.values() == expected.values());
}

TEST_CASE("trainer: each step has its own learning rate, and clips", "[train]") {
  const TrainOptions options{
      .max_steps = 7, .learning_rate = 0.05, .warmup = 3, .clip = 0.01, .validate_every = 0};
  ToyTask<float> trained, by_hand;
  Trainer trainer(trained.parameters, options);
  std::vector<double> rates;
  trainer.run(trained, {.metrics = [&](const MetricsRow& row) {
                rates.push_back(row.learning_rate);
                CHECK(row.gradient_norm > options.clip);
              }});
  Adam<float> optimizer(by_hand.parameters, {.weight_decay = options.weight_decay});
  for (uint64_t step = 0; step < options.max_steps; ++step) {
    const double rate = learning_rate(schedule_of(options), step);
    CHECK(rates.at(step) == rate);
    by_hand.parameters.clear_gradients();
    backward(by_hand.loss(step));
    clip_gradient_norm(by_hand.parameters, options.clip);
    optimizer.step(rate);
  }
  CHECK(rates[0] == 0);
  CHECK(trained.values() == by_hand.values());
}

TEST_CASE("trainer: batches add up to one step", "[train]") {
  // Each batch of this task is a part of one that is three times as large.
  struct Parts : ToyTask<double> {
    std::vector<uint64_t> asked;
    std::vector<uint64_t> sent;
    Variable<double, 0> loss(const TrainingStep<>& step) {
      asked.push_back(step.number);
      sent.push_back(step.numbers().step);
      return on(step.number + 1, 0.5);
    }
  };
  struct Whole : ToyTask<double> {
    Variable<double, 0> loss(const TrainingStep<>& step) {
      const auto part = [&](uint64_t i) { return on(3 * step.number + i + 1, 0.5); };
      return scale(add(add(part(0), part(1)), part(2)), 1.0 / 3);
    }
  };
  TrainOptions options{.max_steps = 5, .learning_rate = 1e-2, .clip = 0.1, .validate_every = 2};
  Whole whole;
  std::vector<MetricsRow> expected, rows;
  Trainer(whole.parameters, options).run(whole, {.metrics = [&](const MetricsRow& row) {
                                           expected.push_back(row);
                                         }});
  options.accumulate = 3;
  Parts parts;
  Trainer trainer(parts.parameters, options);
  trainer.run(parts, {.metrics = [&](const MetricsRow& row) { rows.push_back(row); }});
  CHECK(parts.asked == std::vector<uint64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14});
  CHECK(parts.sent == parts.asked);
  CHECK(trainer.batches() == 15);
  REQUIRE(rows.size() == 5);
  for (size_t i = 0; i < 5; ++i) {
    CHECK(rows[i].step == i + 1);
    CHECK(rows[i].learning_rate == expected[i].learning_rate);
    CHECK(rows[i].train_loss == Approx(expected[i].train_loss).epsilon(1e-12));
    CHECK(rows[i].gradient_norm == Approx(expected[i].gradient_norm).epsilon(1e-12));
    CHECK(rows[i].validation_loss.has_value() == expected[i].validation_loss.has_value());
  }
  const auto found = parts.values(), wanted = whole.values();
  for (size_t i = 0; i < found.size(); ++i) REQUIRE(found[i] == Approx(wanted[i]).epsilon(1e-9));
}

TEST_CASE("trainer: a bad batch among several is told of by its step", "[train]") {
  struct Bad : ToyTask<float> {
    Variable<float, 0> loss(const TrainingStep<>& step) {
      const auto good = ToyTask<float>::loss(step);
      return step.number == 13 ? scale(good, std::numeric_limits<double>::infinity()) : good;
    }
  } task;
  std::vector<std::vector<float>> after;
  Trainer trainer(task.parameters, {.max_steps = 9, .accumulate = 3, .ema = 0.5});
  REQUIRE_THROWS_WITH(
      trainer.run(task, {.metrics = [&](const auto&) { after.push_back(task.values()); }}),
      contains("training loss of step 5 is inf"));
  CHECK(trainer.state().step == 4);
  CHECK(trainer.batches() == 12);
  REQUIRE(after.size() == 4);
  CHECK(task.values() == after[3]);
  const auto average = to_host(trainer.average());
  for (const float v : average.values()) CHECK(std::isfinite(v));
}

TEST_CASE("trainer: the average is what is validated and kept", "[train]") {
  struct Watched : ToyTask<double> {
    std::vector<std::vector<double>> validated;
    std::optional<double> validation_loss() {
      validated.push_back(values());
      return double(3 + std::abs(4 - double(validated.size())));  // the fourth is best
    }
  } task;
  const TrainOptions options{
      .max_steps = 12, .learning_rate = 1e-2, .ema = 0.4, .validate_every = 2};
  std::vector<std::vector<double>> live = {task.values()};
  Trainer trainer(task.parameters, options);
  trainer.run(task, {.metrics = [&](const MetricsRow&) { live.push_back(task.values()); }});
  std::vector<double> average = live[0];
  for (uint64_t t = 1; t <= 12; ++t) {
    const double kept = std::min(0.4, double(t) / double(t + 9));
    for (size_t i = 0; i < average.size(); ++i)
      average[i] = kept * average[i] + (1 - kept) * live[t][i];
    if (t % 2) continue;
    const auto& found = task.validated.at(t / 2 - 1);
    INFO("step " << t);
    double worst = 0;
    for (size_t i = 0; i < average.size(); ++i)
      worst = std::max(worst, std::abs(average[i] - found[i]));
    CHECK(worst < 1e-14);
    CHECK(found != live[t]);
  }
  CHECK(task.values() == live[12]);  // training goes on from its own
  CHECK(trainer.state().best_step == 8);
  trainer.use_best();
  CHECK(task.values() == task.validated[3]);

  ToyTask<double> plain;  // the average changes nothing of training
  TrainOptions without = options;
  without.ema = 0;
  Trainer(plain.parameters, without).run(plain);
  CHECK(plain.values() == live[12]);

  struct Blind : ToyTask<double> {
    std::optional<double> validation_loss() { return std::nullopt; }
  } blind;
  Trainer unseen(blind.parameters, options);
  unseen.run(blind);
  CHECK(blind.values() == live[12]);
  unseen.use_best();
  CHECK(blind.values() == task.validated.back());

  struct Failing : ToyTask<double> {
    std::optional<double> validation_loss() { throw std::runtime_error("no validation"); }
  } failing;
  Trainer broken(failing.parameters, options);
  REQUIRE_THROWS_WITH(broken.run(failing), contains("no validation"));
  CHECK(failing.values() == live[2]);
}

TEST_CASE("trainer: the best is chosen by what is asked", "[train]") {
  struct Measured : ToyTask<float> {
    size_t next = 0;
    bool has = true;
    std::optional<Validation> validation_loss() {
      const double losses[] = {5, 4, 3, 2}, pearsons[] = {-0.5, -0.2, -0.2, -0.3},
                   discriminations[] = {0.9, 0.1, 0.2, 0.9};
      Validation found(losses[next], 0.1 * double(next));
      if (has) {
        found.pearson_delta = pearsons[next];
        found.discrimination = discriminations[next];
      }
      ++next;
      return found;
    }
  };
  const auto train = [](ChooseBy by) {
    Measured task;
    std::vector<MetricsRow> rows;
    Trainer trainer(task.parameters, {.max_steps = 4, .validate_every = 1, .choose_by = by});
    trainer.run(task, {.metrics = [&](const MetricsRow& row) { rows.push_back(row); }});
    CHECK(*rows.at(2).pearson_delta == -0.2);
    CHECK(*rows.at(2).discrimination == 0.2);
    return trainer.state();
  };
  CHECK(train(ChooseBy::loss) == TrainState{4, 4, 2, 0, 0.1 * 3});
  CHECK(train(ChooseBy::pearson_delta) == TrainState{4, 2, 4, 2, 0.1, -0.2});
  CHECK(train(ChooseBy::discrimination) == TrainState{4, 1, 5, 3, 0, 0.9});
  Measured blind;
  blind.has = false;
  Trainer trainer(blind.parameters, {.max_steps = 4, .choose_by = ChooseBy::discrimination});
  REQUIRE_THROWS_AS(trainer.run(blind), ConfigError);
  Measured again;
  again.has = false;
  Trainer other(again.parameters, {.max_steps = 4, .choose_by = ChooseBy::pearson_delta});
  REQUIRE_THROWS_WITH(other.run(again), contains("choose_by is pearson_delta"));
}

TEST_CASE("trainer: rows come in order and whole, however seldom the host reads", "[train]") {
  const auto train = [](uint64_t report_every, uint64_t stop) {
    ToyTask<double> task;
    Trainer trainer(task.parameters,
                    {.max_steps = 23, .validate_every = 9, .report_every = report_every});
    std::vector<MetricsRow> rows;
    TrainCallbacks callbacks;
    callbacks.metrics = [&](const MetricsRow& row) { rows.push_back(row); };
    callbacks.progress = [&](const ProgressUpdate& u) { return u.done != stop; };
    const bool stopped = trainer.run(task, callbacks).stopped;
    CHECK(stopped == (stop > 0));
    return std::tuple(rows, task.values(), trainer.state().step);
  };
  const auto [rows, values, steps] = train(1, 0);
  CHECK(rows.size() == 23);
  CHECK(train(4, 0) == std::tuple(rows, values, steps));
  CHECK(train(100, 0) == std::tuple(rows, values, steps));
  const auto [some, later, stopped_at] = train(4, 6);  // reads after 4, 8, 9 (validation), 13 ...
  CHECK(stopped_at == 8);
  CHECK(some == std::vector<MetricsRow>(rows.begin(), rows.begin() + 8));
}

TEST_CASE("trainer: a bad step that is seen later has changed nothing", "[train]") {
  struct Bad : ToyTask<float> {
    uint64_t bad_step = ~uint64_t(0);
    Variable<float, 0> loss(const TrainingStep<>& step) {
      const auto good = ToyTask<float>::loss(step);
      return step.number == bad_step ? scale(good, std::numeric_limits<double>::infinity()) : good;
    }
  };
  const TrainOptions options{.max_steps = 20, .validate_every = 0, .report_every = 8};
  Bad expected, task;
  TrainOptions first = options;
  first.max_steps = 10;
  first.schedule = ScheduleShape::constant;
  Trainer until(expected.parameters, first);
  until.run(expected);

  task.bad_step = 10;
  TrainOptions all = options;
  all.schedule = ScheduleShape::constant;
  Trainer trainer(task.parameters, all);
  std::vector<uint64_t> told;
  const TrainCallbacks callbacks{
      .metrics = [&](const MetricsRow& row) { told.push_back(row.step); }};
  REQUIRE_THROWS_WITH(trainer.run(task, callbacks), contains("training loss of step 11 is inf"));
  CHECK(told == std::vector<uint64_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  CHECK(trainer.state().step == 10);
  CHECK(trainer.optimizer().steps() == 10);
  CHECK(task.values() == expected.values());
  const auto same = [](auto a, auto b) { return std::equal(a.begin(), a.end(), b.begin()); };
  CHECK(same(trainer.optimizer().first(), until.optimizer().first()));
  CHECK(same(trainer.optimizer().second(), until.optimizer().second()));

  task.bad_step = ~uint64_t(0);  // mended, it goes on
  CHECK(trainer.run(task, callbacks).state.step == 20);
  CHECK(told.size() == 20);
}

TEST_CASE("trainer: nothing is allocated after the first steps", "[train]") {
  ToyTask<float> task;
  Trainer trainer(task.parameters, {.max_steps = 40, .validate_every = 10});
  const vcell_test::StepAllocations asked(trainer, task);
  REQUIRE(asked.blocks[8] == asked.blocks.front());
  REQUIRE(asked.news[8] == asked.news.front());
  // Step 10 is the first that validates, which takes blocks of its own.
  REQUIRE(asked.blocks.back() == asked.blocks[9]);
  REQUIRE(asked.news.back() == asked.news[9]);
}

TEST_CASE("trainer: Adam and AdamW differ by their weight decay", "[train]") {
  const auto train = [](OptimizerKind kind, double decay) {
    ToyTask<double> task;
    Trainer trainer(task.parameters,
                    {.max_steps = 5, .optimizer = kind, .weight_decay = decay, .clip = 0});
    trainer.run(task);
    return task.values();
  };
  REQUIRE(train(OptimizerKind::adam, 0) == train(OptimizerKind::adamw, 0));
  REQUIRE(train(OptimizerKind::adam, 0.1) != train(OptimizerKind::adamw, 0.1));
}

TEST_CASE("trainer: errors", "[train]") {
  ToyTask<float> task;
  REQUIRE_THROWS_WITH(Trainer(task.parameters, {.max_steps = 0}), contains("max_steps is 0"));
  REQUIRE_THROWS_WITH(Trainer(task.parameters, {.clip = -1}), contains("clip is -1"));
  REQUIRE_THROWS_WITH(Trainer(task.parameters, {.accumulate = 0}), contains("accumulate is 0"));
  REQUIRE_THROWS_WITH(Trainer(task.parameters, {.ema = 1}), contains("ema is 1"));
  REQUIRE_THROWS_WITH(Trainer(task.parameters, {.learning_rate = -1}), contains("rate is -1"));
  REQUIRE_THROWS_WITH(
      Trainer(task.parameters, {.max_steps = 10, .schedule = ScheduleShape::cosine, .warmup = 10}),
      contains("more steps than its warm-up"));
  Trainer trainer(task.parameters, {});
  REQUIRE_THROWS_AS(trainer.restore({.step = 3, .best_step = 2}, {}), ShapeError);
  REQUIRE(trainer.state() == TrainState{});
}
