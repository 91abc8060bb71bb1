// The most memory that the program has held so far.
#pragma once

#include <benchmark/benchmark.h>
#include <sys/resource.h>

namespace vcell_bench {

/// Counter peak_mib: of the whole program, so run one benchmark a program to compare it.
inline void declare_peak_memory(benchmark::State& state) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  state.counters["peak_mib"] = double(usage.ru_maxrss) / 1024;  // Linux counts in KiB
}

}  // namespace vcell_bench
