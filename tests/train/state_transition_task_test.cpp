#include "vcell/train/state_transition_task.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/threads.hpp"
#include "train/st_screen.hpp"
#include "train/step_allocations.hpp"

using namespace vcell;
using vcell_test::check_error;
using vcell_test::contains;
using vcell_test::StepAllocations;
using vcell_test::StScreen;

namespace {

template <class T>
std::vector<T> values_of(const StateTransition<T>& model) {
  std::vector<T> all;
  for (const auto& p : model.parameters().all())
    all.insert(all.end(), p.value().begin(), p.value().end());
  return all;
}

}  // namespace

TEST_CASE("state_transition_task: training lowers the validation loss", "[train]") {
  const StScreen s;
  StateTransition<float> model(s.config(), 1);
  const auto features = s.one_hot();
  Trainer trainer(model.parameters(),
                  {.max_steps = 200, .learning_rate = 3e-3, .validate_every = 50});
  StateTransitionTask task(model, features, s.screen, s.parts, s.options());
  const double before = task.validation_loss()->loss;
  REQUIRE(task.validation_loss()->loss == before);  // always the same sets and controls
  trainer.run(task);
  REQUIRE(trainer.state().best_validation_loss < 0.5 * before);
}

TEST_CASE("state_transition_task: the loss is that of the batch, by name", "[train]") {
  const StScreen s;
  auto config = s.config();
  config.dropout = 0;
  StateTransition<double> model(config, 1);
  // Features in another order than the screen's codes, with one that the screen does not have.
  const auto features = PerturbationFeatures::one_hot({"P3", "P1", "ctrl", "P2"});
  StateTransitionTask<double> task(model, features, s.screen, s.parts, s.options(), 5);
  auto sets = s.options().sets;
  sets.sets.part = Part::train;
  SetBatch batch;
  SetSource(s.screen, s.parts, sets).read(5, batch);
  Tensor<double, 2> rows({batch.perturbation.size(), 4});
  for (size_t b = 0; b < rows.shape(0); ++b)
    rows(b, features.place(s.screen.perturbation.names[size_t(batch.perturbation[b])])) = 1;
  const auto predicted =
      model(Variable<double, 3>(cast<double>(batch.input)), Variable<double, 2>(rows));
  const auto expected =
      state_transition_loss(config, predicted, Variable<double, 3>(cast<double>(batch.target)));
  REQUIRE(*task.loss(5).value().data == *expected.value().data);
}

TEST_CASE("state_transition_task: the same bytes for any number of threads, and after a restart",
          "[train]") {
  const StScreen s;
  const auto features = s.one_hot();
  const TrainOptions options{.max_steps = 12, .validate_every = 4};
  for (const bool batches : {false, true}) {
    std::vector<float> whole;
    vcell_test::check_same_on_any_threads([&] {
      StateTransition<float> model(s.config(batches), 1);
      Trainer trainer(model.parameters(), options);
      StateTransitionTask task(model, features, s.screen, s.parts, s.options(batches));
      trainer.run(task);
      return whole = values_of(model);
    });
    StateTransition<float> model(s.config(batches), 1);
    Trainer trainer(model.parameters(), options);
    TrainCallbacks callbacks;
    callbacks.progress = [](const ProgressUpdate& u) { return u.done != 7; };
    for (const uint64_t first : {0, 7}) {
      REQUIRE(trainer.state().step == first);
      StateTransitionTask task(model, features, s.screen, s.parts, s.options(batches), first);
      trainer.run(task, callbacks);
    }
    REQUIRE(values_of(model) == whole);
  }
}

TEST_CASE("state_transition_task: nothing is allocated after the first steps", "[train]") {
  const StScreen s;
  const auto features = s.one_hot();
  auto options = s.options(true);
  options.sets.batch_size = 1;
  for (const size_t background : {0, 1}) {
    options.prefetch.threads = background;
    Memory<Cpu>::release_cache();
    StateTransition<float> model(s.config(true), 1);
    Trainer trainer(model.parameters(), {.max_steps = 32, .validate_every = 4});
    StateTransitionTask task(model, features, s.screen, s.parts, options);
    REQUIRE(task.training_sets() > 32);  // one epoch: a new one makes a new list of sets
    const StepAllocations asked(trainer, task);
    // Batches made in the background take their blocks when they come to it.
    if (background == 0) {
      REQUIRE(asked.blocks[2] == asked.blocks[0]);
      REQUIRE(asked.news[2] == asked.news[0]);
    }
    // Step 4 is the first that validates, and step 5 the first that trains while the batch of the
    // validation keeps its blocks. A validation makes lists of its scores.
    REQUIRE(asked.blocks.back() == asked.blocks[4]);
    for (size_t i = 5; i < asked.news.size(); ++i)
      if ((i + 1) % 4) REQUIRE(asked.news[i] == asked.news[i - 1]);
  }
}

TEST_CASE("state_transition_task: an anchored model learns beside its anchor", "[train]") {
  StScreen s;
  auto config = s.config();
  config.anchor = Anchor::perturbation_mean;
  // What a perturbation does differs by context, which shows in the control cells: something to be
  // learnt beside the anchor. P1 is validated whole in y; P3 trains in x alone.
  for (size_t i = 0; i < s.screen.cells(); ++i)
    if (s.screen.context.codes[i] == s.screen.context.code("y")) {
      float* values = &s.screen.expression.values[i * StScreen::genes];
      values[0] += 3;
      if (!s.screen.is_control(i)) values[5] += 2;
    }
  for (size_t i = 0; i < s.parts.size(); ++i) {
    const auto& p = s.screen.perturbation.names[size_t(s.screen.perturbation.codes[i])];
    const bool y = s.screen.context.codes[i] == s.screen.context.code("y");
    s.parts[i] = p == "P1" && y ? Part::validation : p == "P3" && y ? Part::test : Part::train;
  }
  const TrainingAnchors anchors(s.screen, s.parts, 1);
  const StateTransition<float> model(config, 3);
  const auto features = s.one_hot();
  auto options = s.options();
  CHECK_THROWS_AS(StateTransitionTask<float>(model, features, s.screen, s.parts, options),
                  ConfigError);
  options.anchors = &anchors;
  CHECK_THROWS_AS(StateTransitionTask<float>(StateTransition<float>(s.config()), features, s.screen,
                                             s.parts, options),
                  ConfigError);
  options.choose_alpha = true;
  StateTransitionTask<float> task(model, features, s.screen, s.parts, options);
  // Before the first step nothing is added, so that every alpha has the loss of the anchor.
  const auto first = *task.validation_loss();
  CHECK(first.alpha == 1);
  Trainer<float> trainer(model.parameters(), {.max_steps = 150, .learning_rate = 3e-3});
  double start = 0, end = 0;
  trainer.run(task, {.metrics = [&](const MetricsRow& row) {
                if (row.step <= 20) start += row.train_loss;
                if (row.step > 130) end += row.train_loss;
              }});
  CHECK(end < 0.7 * start);
  const auto last = *task.validation_loss();
  CHECK(last.loss < first.loss);
  auto always = options;
  always.choose_alpha = false;
  StateTransitionTask<float> whole(model, features, s.screen, s.parts, always);
  CHECK(whole.validation_loss()->alpha == 1);
  CHECK(last.loss <= whole.validation_loss()->loss);
  // What is learnt wrong is not believed: the loss is that of the anchor, and alpha is kept.
  for (const auto& p : model.parameters().all())
    if (p.name == "project_out.3.bias")
      for (float& v : p.mutable_value()) v = 50;
  const auto wrong = *task.validation_loss();
  CHECK(wrong.alpha == 0);
  CHECK(wrong.loss == Approx(first.loss).epsilon(1e-6));
  CHECK(whole.validation_loss()->loss > 2 * first.loss);
}

TEST_CASE("state_transition_task: no validation part, no validation loss", "[train]") {
  StScreen s;
  for (Part& part : s.parts)
    if (part == Part::validation) part = Part::test;
  StateTransition<float> model(s.config(), 1);
  const auto features = s.one_hot();
  StateTransitionTask task(model, features, s.screen, s.parts, s.options());
  REQUIRE(task.validation_sets() == 0);
  REQUIRE_FALSE(task.validation_loss());
  REQUIRE(task.training_sets() > 0);
}

TEST_CASE("state_transition_task: validation_batches bounds what is measured", "[train]") {
  const StScreen s;
  StateTransition<float> model(s.config(), 1);
  const auto features = s.one_hot();
  auto options = s.options();
  const auto loss = [&](size_t batches) {
    options.validation_batches = batches;
    return *StateTransitionTask(model, features, s.screen, s.parts, options).validation_loss();
  };
  REQUIRE(loss(0) == loss(1000));
  REQUIRE(loss(1) != loss(0));
}

TEST_CASE("state_transition_task: errors", "[train]") {
  const StScreen s;
  StateTransition<float> model(s.config(), 1);
  const auto features = s.one_hot();
  const auto make = [&](const StateTransition<float>& m, const PerturbationFeatures& f,
                        const Screen& screen, std::span<const Part> parts) {
    StateTransitionTask task(m, f, screen, parts, s.options());
  };
  check_error<ConfigError>(
      [&] {
        make(model, PerturbationFeatures::one_hot({"ctrl", "P2", "p1", "P4"}), s.screen, s.parts);
      },
      {"no features for 'P1', 'P3'", "trains or validates"});
  auto config = s.config();
  config.input_width = config.output_width = 5;
  const StateTransition<float> narrow(config);
  check_error<ShapeError>([&] { make(narrow, features, s.screen, s.parts); },
                          {"values of an input cell (6)", "config.input_width (5)"});
  check_error<ShapeError>(
      [&] {
        make(model, PerturbationFeatures::one_hot({"ctrl", "P1"}), s.screen, s.parts);
      },
      {"width of the features (2)"});
  Screen unbatched = s.screen;
  unbatched.batch = {};
  const StateTransition<float> batched(s.config(true));
  check_error<ShapeError>([&] { make(batched, features, unbatched, s.parts); },
                          {"batches of the screen (0)"});
  check_error<ConfigError>(
      [&] { make(model, features, s.screen, std::vector(s.parts.size(), Part::test)); },
      {"no cell is in part train"});
  StateTransitionTask task(model, features, s.screen, s.parts, s.options(), 3);
  REQUIRE_THROWS_WITH(task.loss(0), contains("step 0 was asked for"));
}

TEST_CASE("state_transition_task: with two anchors a set takes either, and the model is told",
          "[train]") {
  const StScreen s;
  PerturbationFeatures features(2);
  for (const auto& [name, v] : {std::pair{"ctrl", 0.f}, {"P1", 1.f}, {"P2", 2.f}, {"P3", 5.f}})
    features.add(name, std::vector<float>{v, v * v});
  auto config = s.config();
  config.anchor = Anchor::features;
  config.perturbation_width = 3;
  config.dropout = 0;
  auto parts = s.parts;
  const TrainingAnchors anchors(s.screen, parts, 1, &features);
  const StateTransition<float> model(config, 3);
  for (const auto& p : model.parameters().all())
    if (p.name.starts_with("project_out"))
      for (float& v : p.mutable_value()) v += 0.02f;  // so that what is read of anchors shows
  auto options = s.options();
  options.anchors = &anchors;
  StateTransitionTask<float> task(model, features, s.screen, parts, options);
  auto sets = options.sets;
  sets.sets.part = Part::train;
  sets.sets.strata = anchors.strata();
  const SetSource source(s.screen, parts, sets);
  SetBatch batch;
  size_t taken[2] = {};
  for (uint64_t step = 0; step < 30; ++step) {
    source.read(step, batch);
    const size_t n = batch.perturbation.size();
    Tensor<float, 2> rows({n, 3}), anchor({n, 6});
    Rng draws(options.sets.seed, stream_of("anchors of sets") + step);
    for (size_t b = 0; b < n; ++b) {
      const auto chosen = anchors.choose(source.cell_sets().groups()[batch.group[b]], draws.next());
      const auto v = features.vector(s.screen.perturbation.names[size_t(batch.perturbation[b])]);
      std::copy(v.begin(), v.end(), rows[b].begin());
      rows(b, 2) = chosen.by_features;
      std::ranges::copy(chosen.anchor, anchor[b].begin());
      if (batch.perturbation[b] != s.screen.control) ++taken[chosen.by_features];
    }
    const auto expected =
        state_transition_loss(config,
                              model(Variable<float, 3>(batch.input), Variable<float, 2>(rows), {},
                                    {}, {}, Variable<float, 2>(anchor)),
                              Variable<float, 3>(batch.target));
    REQUIRE(*task.loss(step).value().data == *expected.value().data);
  }
  CHECK(taken[0] > 15);
  CHECK(taken[1] > 15);
  CHECK(task.validation_loss()->loss == task.validation_loss()->loss);
  // Anchors and model say the same of features.
  auto again = s.parts;
  const TrainingAnchors plain(s.screen, again, 1);
  options.anchors = &plain;
  check_error<ConfigError>(
      [&] { StateTransitionTask<float>(model, features, s.screen, again, options); },
      {"without features", "config.anchor is features"});
  config.anchor = Anchor::perturbation_mean;
  config.perturbation_width = 2;
  const StateTransition<float> other(config, 3);
  options.anchors = &anchors;
  check_error<ConfigError>(
      [&] { StateTransitionTask<float>(other, features, s.screen, parts, options); },
      {"made with features", "perturbation_mean"});
}
