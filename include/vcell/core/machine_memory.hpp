#pragma once

#include <unistd.h>

#include "vcell/core/cgroup.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Bytes of memory that this process may hope for: those of the machine, or fewer where control
/// groups grant fewer; 0 when neither is known.
inline double machine_memory() {
  const double pages = double(::sysconf(_SC_PHYS_PAGES)), page = double(::sysconf(_SC_PAGESIZE));
  return lesser(pages > 0 && page > 0 ? pages * page : 0, cgroup_memory());
}

}  // namespace detail
VCELL_END_NAMESPACE
