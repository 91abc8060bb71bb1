// One training step of State Transition as `vcell run` takes it, by Trainer::run on a simulated
// screen: sets from the loader that prefetches, casts, dropout as in the preset, loss, backward,
// norm, clipping, optimiser. The first step, which also asks the system for memory, is told apart.
#include <benchmark/benchmark.h>

#include <chrono>
#include <optional>
#include <vector>

#include "support/declare_work.hpp"
#include "support/expression_screen.hpp"
#include "support/model_work.hpp"
#include "support/peak_memory.hpp"
#include "support/two_threads.hpp"
#include "vcell/train/presets.hpp"
#include "vcell/train/state_transition_task.hpp"
#include "vcell/train/trainer.hpp"

namespace {

using namespace vcell;

void step(benchmark::State& state, const Experiment& experiment) {
  const Screen& screen = vcell_bench::expression_screen();
  if (!vcell_bench::has_threads(state, state.range(0))) return;
  const auto features = PerturbationFeatures::one_hot(screen.perturbation.names);
  StateTransitionConfig config = experiment.model;
  config.input_width = config.output_width = screen.genes.size();
  config.perturbation_width = features.width();
  const StateTransition<float> model(config);

  StateTransitionTaskOptions sets;
  sets.sets.sets = {.set_size = experiment.model.set_size,
                    .control_sets = experiment.model.control_sets};
  sets.sets.batch_size = experiment.model.batch_size;
  sets.sets.seed = experiment.training.seed;
  std::vector<Part> parts(screen.cells(), Part::train);
  std::optional<TrainingAnchors> anchors;
  if (model.is_anchored()) sets.anchors = &anchors.emplace(screen, parts, experiment.training.seed);
  StateTransitionTask<float> task(model, features, screen, parts, sets);
  TrainOptions options = experiment.training;
  options.validate_every = options.checkpoint_every = 0;
  Trainer<float> trainer(model.parameters(), options);
  TrainCallbacks callbacks;
  callbacks.progress = [](const ProgressUpdate&) { return false; };  // one step a run

  const auto start = std::chrono::steady_clock::now();
  trainer.run(task, callbacks);
  const std::chrono::duration<double, std::milli> first = std::chrono::steady_clock::now() - start;
  for (int warm_up = 0; warm_up < 2; ++warm_up) trainer.run(task, callbacks);
  for (auto _ : state) {
    trainer.run(task, callbacks);
    benchmark::ClobberMemory();
  }
  const double b = double(experiment.model.batch_size), s = double(experiment.model.set_size);
  const double values = b * s * double(config.input_width + config.output_width);
  vcell_bench::declare_work(
      state, vcell_bench::state_transition_flops(config, b, s),
      vcell_bench::training_step_bytes(double(model.parameters().count()), values));
  vcell_bench::declare_peak_memory(state);
  state.counters["first_step_ms"] = first.count();
  state.counters["cells"] =
      benchmark::Counter(b * s, benchmark::Counter::kIsIterationInvariantRate);
}

// As many iterations as say something: with a number of its own choice the framework would set
// everything up anew until it is content, and the first step would not be the first.
void threads(benchmark::internal::Benchmark* b, int64_t iterations) {
  b->ArgName("threads")->Arg(1)->Arg(2)->Iterations(iterations);
  b->MeasureProcessCPUTime()->UseRealTime()->Unit(benchmark::kMillisecond);
}

BENCHMARK_CAPTURE(step, defaults_of_run, Experiment{})->Apply([](auto* b) { threads(b, 50); });
BENCHMARK_CAPTURE(step, state_sm, experiment_preset("state_sm"))->Apply([](auto* b) {
  threads(b, 3);
});

}  // namespace

BENCHMARK_MAIN();
