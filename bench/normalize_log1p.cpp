// Normalisation and log1p of cells in memory, in one pass over each row, beside a division and the
// standard library's log1p of each value.
#include <benchmark/benchmark.h>

#include <vector>

#include "support/declare_work.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/preprocess/log1p_values.hpp"

namespace {

using namespace vcell;

/// Counts of 2,000 cells with 9,000 values each, more than caches hold.
std::vector<float> counts() {
  Rng rng(1);
  std::vector<float> out(size_t(18'000'000));
  for (float& x : out) x = 1 + std::floor(-2 * std::log(1 - float(rng.uniform())));
  return out;
}

template <class F>
void rows(benchmark::State& state, F f) {
  constexpr size_t row = 9000;
  const int before = num_threads();
  set_num_threads(int(state.range(0)));
  const auto from = counts();
  auto values = from;
  for (auto _ : state) {
    state.PauseTiming();
    values = from;
    state.ResumeTiming();
    parallel_for(values.size() / row, 64, [&](size_t first, size_t last) {
      for (size_t i = first; i < last; ++i) f(std::span(values).subspan(i * row, row), 0.7F);
    });
    benchmark::ClobberMemory();
  }
  // Least work: every value is read and written once.
  vcell_bench::declare_work(state, 2 * double(values.size()), 8 * double(values.size()));
  state.SetItemsProcessed(state.iterations() * int64_t(values.size()));
  set_num_threads(before);
}

void ours(benchmark::State& state) {
  rows(state, [](std::span<float> values, float by) { detail::log1p_values(values, by); });
}
void standard_library(benchmark::State& state) {
  rows(state, [](std::span<float> values, float by) {
    for (float& x : values) x /= by;
    for (float& x : values) x = std::log1p(x);
  });
}

BENCHMARK(ours)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(standard_library)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
