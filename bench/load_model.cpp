// Reading a model of state_lg's size from a folder, and the first prediction with it. The files
// were just written, so they come from memory where there is enough.
#include <benchmark/benchmark.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>

#include "support/declare_work.hpp"
#include "support/expression_screen.hpp"
#include "support/peak_memory.hpp"
#include "support/two_threads.hpp"
#include "vcell/train/model_folder.hpp"
#include "vcell/train/presets.hpp"

namespace {

using namespace vcell;

constexpr size_t genes = 2000, perturbations = 150;

const std::filesystem::path& folder() {
  static const auto path =
      std::filesystem::temp_directory_path() / message("vcell_bench_load_model_", getpid());
  return path;
}

std::vector<std::string> numbered(const char* what, size_t n) {
  std::vector<std::string> names;
  for (size_t i = 0; i < n; ++i) names.push_back(message(what, i));
  return names;
}

void write_model() {
  StateTransitionConfig config = experiment_preset("state_lg").model;
  config.input_width = config.output_width = genes;
  config.perturbation_width = perturbations;
  const auto names = numbered("perturbation_", perturbations);
  TrainedModel m{.model = StateTransition<float>(config),
                 .genes = numbered("gene_", genes),
                 .perturbations = PerturbationFeatures::one_hot(names),
                 .contexts = {"context"},
                 .batches = {},
                 .labels = {}};
  m.labels.control = names[0];
  save_model(folder(), m);
}

double seconds_of_use(const TrainedModel& m) {
  const auto start = std::chrono::steady_clock::now();
  const NoGrad no_grad;
  const size_t cells = 32;
  Tensor<float, 2> one_hot({1, perturbations});
  one_hot(0, 1) = 1;
  const auto out = m.model(Variable<float, 3>(vcell_bench::expression<3>({1, cells, genes}, 1)),
                           Variable<float, 2>(std::move(one_hot)));
  benchmark::DoNotOptimize(out.value().data);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void load_model(benchmark::State& state) {
  if (!vcell_bench::has_threads(state, state.range(0))) return;
  double first = 0, next = 0, parameters = 0;
  for (auto _ : state) {
    const auto m = std::get<TrainedModel>(vcell::load_model(folder()));
    state.PauseTiming();
    first += seconds_of_use(m) * 1e3;
    next += seconds_of_use(m) * 1e3;
    parameters = double(m.model.parameters().count());
    state.ResumeTiming();
  }
  vcell_bench::declare_work(state, 0, 2 * 4 * parameters);  // read from the file, written
  vcell_bench::declare_peak_memory(state);
  state.counters["first_use_ms"] = benchmark::Counter(first, benchmark::Counter::kAvgIterations);
  state.counters["next_use_ms"] = benchmark::Counter(next, benchmark::Counter::kAvgIterations);
}

BENCHMARK(load_model)
    ->ArgName("threads")
    ->Arg(1)
    ->Arg(2)
    ->Iterations(3)
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace

// The model is made and written by another process, whose memory does not count.
int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  folder();  // named after this process
  const pid_t writer = fork();
  if (writer == 0) {
    try {
      write_model();
      _exit(0);
    } catch (const std::exception& e) {
      std::fprintf(stderr, "%s\n", e.what());
      _exit(1);
    }
  }
  int status = 1;
  const bool written = writer > 0 && waitpid(writer, &status, 0) == writer && status == 0;
  if (written) benchmark::RunSpecifiedBenchmarks();
  std::filesystem::remove_all(folder());
  return written ? 0 : 1;
}
