// What every benchmark says about itself: the work by formula, threads and product backend.
#pragma once

#include <benchmark/benchmark.h>

#include "vcell/core/abi.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/tensor/tensor.hpp"

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

/// Standard normal numbers, the same in every run.
template <int rank>
vcell::Tensor<float, rank> random(const vcell::Shape<rank>& shape, uint64_t seed) {
  vcell::Rng rng(seed);
  vcell::Tensor<float, rank> x(shape);
  for (float& v : x.values()) v = float(rng.normal());
  return x;
}

}  // namespace vcell_bench
