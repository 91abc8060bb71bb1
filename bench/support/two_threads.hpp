// Whether two threads of this machine really work at the same time. After idling two threads may
// share one core for a while, virtual processors may share one core for good, and other programs
// may hold one: figures for two threads then say nothing.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>

#include "vcell/core/message.hpp"
#include "vcell/core/parallel_for.hpp"

namespace vcell_bench {

constexpr double least_ratio = 1.8;

/// Some milliseconds of arithmetic that needs no memory.
inline void spin() {
  uint64_t x = 1;
  for (int i = 0; i < 10'000'000; ++i) x = x * 6364136223846793005u + 1442695040888963407u;
  benchmark::DoNotOptimize(x);
}

inline double seconds(size_t pieces) {
  const auto start = std::chrono::steady_clock::now();
  vcell::parallel_for(pieces, 1, [](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) spin();
  });
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// How many times the work of one thread two threads do, both warmed first: the shortest of ten
/// tries each, of some tens of milliseconds.
inline double two_thread_ratio() {
  const int threads_before = vcell::num_threads();
  vcell::set_num_threads(2);
  for (int i = 0; i < 20; ++i) seconds(2);
  double one = seconds(1), two = seconds(2);
  for (int i = 0; i < 9; ++i) {
    one = std::min(one, seconds(1));
    two = std::min(two, seconds(2));
  }
  vcell::set_num_threads(threads_before);
  return 2 * one / two;
}

/// Sets the number of threads; to be called before timing. Before the first use of two it measures
/// whether they are real and prints the ratio; below 1.8 the benchmark reports an error in place of
/// a time.
/// @return whether to go on
inline bool has_threads(benchmark::State& state, int64_t threads) {
  vcell::set_num_threads(int(threads));
  if (threads < 2) return true;
  static const double ratio = [] {
    const double r = two_thread_ratio();
    std::fprintf(stderr, "two threads do %.2f x the work of one\n", r);
    return r;
  }();
  if (ratio >= least_ratio) return true;
  state.SkipWithError(vcell::message("two threads do ", std::round(ratio * 100) / 100,
                                     " x the work of one, expected at least ", least_ratio,
                                     "; leave the machine two idle cores")
                          .c_str());
  return false;
}

}  // namespace vcell_bench
