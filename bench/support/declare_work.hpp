// What every benchmark says about itself: the work by formula, threads and product backend.
#pragma once

#include <benchmark/benchmark.h>

#include "support/random_numbers.hpp"
#include "vcell/core/abi.hpp"

#define VCELL_BENCH_TEXT_OF(x) #x
#define VCELL_BENCH_TEXT(x) VCELL_BENCH_TEXT_OF(x)

namespace vcell_bench {

/// Counters of one iteration, shown per second.
/// @param flops  additions and multiplications of the formula, not of the implementation
/// @param bytes  least traffic with memory: every input read and every output written once
inline void declare_work(benchmark::State& state, double flops, double bytes) {
  constexpr auto rate = benchmark::Counter::kIsIterationInvariantRate;
  state.counters["flops"] = benchmark::Counter(flops, rate);
  state.counters["bytes"] = benchmark::Counter(bytes, rate);
  state.SetLabel(VCELL_BENCH_TEXT(VCELL_ABI));
}

}  // namespace vcell_bench
