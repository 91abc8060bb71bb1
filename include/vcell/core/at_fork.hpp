#pragma once

#include <new>

#include "vcell/core/abi.hpp"

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Has functions called around every later fork of this process, by the thread that forks; each
/// may be null. A child has that thread alone: a lock that another one holds stays locked in it.
/// @throws std::bad_alloc
inline void at_fork(void (*before)(), void (*in_parent)(), void (*in_child)()) {
#if defined(__unix__) || defined(__APPLE__)
  if (pthread_atfork(before, in_parent, in_child) != 0) throw std::bad_alloc();
#else
  (void)before, (void)in_parent, (void)in_child;
#endif
}

}  // namespace detail
VCELL_END_NAMESPACE
