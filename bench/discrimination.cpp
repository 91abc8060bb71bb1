// Ranks by distances between the shifts of perturbations, and the nearest of their mean cells.
// peak_mib is the program's, its data included: run one at a time, with --benchmark_filter.
#include <benchmark/benchmark.h>

#include <utility>

#include "support/declare_work.hpp"
#include "support/peak_memory.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/eval/clustering/nearest_neighbours.hpp"
#include "vcell/eval/distance_ranks.hpp"

namespace {

using namespace vcell;

/// Shifts of n perturbations over some genes: one that all share, more or less of it, and an effect
/// of their own, both of one share of the genes; noise of the others. The same effects in every
/// matrix, other noise.
template <class T>
Tensor<T, 2> shifts(size_t n, size_t genes, uint64_t seed) {
  Tensor<T, 2> out({n, genes});
  parallel_for(n, 1, [&](size_t first, size_t last) {
    for (size_t t = first; t < last; ++t) {
      Rng all(1, 0), own(2, t), noise(seed, t);
      const double share = 1 + own.uniform();
      for (T& x : out[t]) {
        const double common = all.uniform() - 0.5, effect = own.uniform() - 0.5;
        x = T(0.1 * (share * common + effect) + 0.2 * (noise.uniform() - 0.5));
      }
    }
  });
  return out;
}

template <class Distance>
void ranks(benchmark::State& state) {
  const auto n = size_t(state.range(0)), genes = size_t(state.range(1));
  const auto predicted = shifts<float>(n, genes, 3), real = shifts<float>(n, genes, 4);
  std::vector<int32_t> own;
  for (size_t t = 0; t < n; ++t) own.push_back(int32_t(t % genes));
  for (auto _ : state)
    benchmark::DoNotOptimize(distance_ranks<Distance>(predicted.view(), real.view(), own));
  vcell_bench::declare_work(state, 3 * double(n) * double(n) * double(genes),
                            8 * double(n) * double(genes));
  vcell_bench::declare_peak_memory(state);
}

void neighbours(benchmark::State& state) {
  const auto n = size_t(state.range(0)), genes = size_t(state.range(1));
  const auto points = shifts<double>(n, genes, 3);
  for (auto _ : state) benchmark::DoNotOptimize(nearest_neighbours(points.view(), 14));
  vcell_bench::declare_work(state, 3 * double(n) * double(n) * double(genes),
                            8 * double(n) * double(genes));
  vcell_bench::declare_peak_memory(state);
}

/// Those of a genome-wide screen, and of a small one.
void sizes(benchmark::internal::Benchmark* b) {
  for (const auto& [n, genes] : {std::pair(1000, 4000), {5100, 18'533}}) b->Args({n, genes});
  b->Unit(benchmark::kMillisecond)->UseRealTime()->MeasureProcessCPUTime();
}

}  // namespace

BENCHMARK_TEMPLATE(ranks, L1Distance)->Apply(sizes);
BENCHMARK_TEMPLATE(ranks, L2Distance)->Apply(sizes);
BENCHMARK_TEMPLATE(ranks, CosineDistance)->Apply(sizes);
BENCHMARK(neighbours)
    ->Args({1000, 4000})
    ->Args({5000, 4000})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->MeasureProcessCPUTime();

BENCHMARK_MAIN();
