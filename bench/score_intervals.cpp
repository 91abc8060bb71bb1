// Intervals of the mean scores of an evaluation, of metrics that read mean cells.
#include "vcell/eval/score_intervals.hpp"

#include <benchmark/benchmark.h>

#include <cmath>

#include "support/declare_work.hpp"
#include "support/peak_memory.hpp"

namespace {

using namespace vcell;

std::vector<std::string> numbered(const char* name, size_t n) {
  std::vector<std::string> out;
  for (size_t i = 0; i < n; ++i) out.push_back(message(name, i));
  return out;
}

/// Cells of perturbations and a control by turns, half of their genes with a value.
LabelledCells side(size_t cells, size_t genes, size_t perturbations, uint64_t seed) {
  LabelledCells out;
  out.genes = numbered("g", genes);
  out.perturbation.names = numbered("P", perturbations);
  out.perturbation.names.push_back("non-targeting");
  out.X.columns = genes;
  Rng rng(seed);
  for (size_t cell = 0; cell < cells; ++cell) {
    for (size_t g = 0; g < genes; ++g)
      if (rng.uniform() < 0.5) {
        out.X.indices.push_back(int32_t(g));
        out.X.values.push_back(float(std::log1p(3 * rng.uniform())));
      }
    out.X.end_row();
    out.perturbation.codes.push_back(int32_t(cell % (perturbations + 1)));
  }
  return out;
}

void intervals(benchmark::State& state) {
  const auto cells = size_t(state.range(0)), genes = size_t(state.range(1)),
             perturbations = size_t(state.range(2));
  EvaluationOptions options;
  for (const Metric& metric : metrics_of("full"))
    if (metric.is_of_means()) options.metrics.push_back(metric);
  EvaluationSideOptions measured = side_options(options);
  measured.memory.kept_bytes = 0;
  const auto real = evaluation_sides(side(cells, genes, perturbations, 1), measured),
             predicted = evaluation_sides(side(cells, genes, perturbations, 2), measured);
  const auto evaluation = evaluate(real, predicted, options);
  for (auto _ : state)
    benchmark::DoNotOptimize(score_intervals(real, predicted, evaluation, options));
  // Every sample adds up half of the values of both sides.
  const double values = double(real[0].cells->values.size());
  vcell_bench::declare_work(state, 200 * values, 16 * values);
  vcell_bench::declare_peak_memory(state);
}

}  // namespace

BENCHMARK(intervals)
    ->Args({550, 500, 10})
    ->Args({5000, 5000, 100})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->MeasureProcessCPUTime();

BENCHMARK_MAIN();
