#pragma once

#include <sys/resource.h>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE

/// Bytes of memory that this process had at its most, so far; 0 when not known.
inline double peak_memory() {
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) != 0) return 0;
#ifdef __APPLE__
  return double(usage.ru_maxrss);
#else
  return double(usage.ru_maxrss) * 1024;
#endif
}

VCELL_END_NAMESPACE
