#pragma once

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "vcell/core/cgroup.hpp"
#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"

#if defined(__linux__)
#include <sched.h>
#endif

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The value of an environment variable that must be a whole number from 1; 0 when it is not set.
inline int threads_from(const char* variable) {
  const char* text = std::getenv(variable);
  if (!text || !*text) return 0;
  int n = 0;
  const char* end = text + std::strlen(text);
  const auto parsed = std::from_chars(text, end, n);
  if (parsed.ec != std::errc() || parsed.ptr != end || n < 1)
    throw ConfigError(message("num_threads: environment variable ", variable, " is ", quoted(text),
                              ", expected a whole number from 1"));
  return n;
}

/// Processors this process may run on.
inline int affinity_threads() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
  return std::max(1, int(std::thread::hardware_concurrency()));
}

}  // namespace detail

/// How many threads vcell uses unless told otherwise: VCELL_NUM_THREADS; else the least of the
/// processors this process may run on, its control groups' quotas and SLURM_CPUS_PER_TASK.
/// @throws ConfigError if one of the variables is not a whole number from 1
inline int default_num_threads() {
  if (const int n = detail::threads_from("VCELL_NUM_THREADS")) return n;
  int n = detail::affinity_threads();
  if (const int quota = detail::cgroup_threads()) n = std::min(n, quota);
  if (const int slurm = detail::threads_from("SLURM_CPUS_PER_TASK")) n = std::min(n, slurm);
  return n;
}

VCELL_END_NAMESPACE
