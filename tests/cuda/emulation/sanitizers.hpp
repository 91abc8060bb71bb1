// Which sanitizer watches this program: they must be told when execution moves to another stack.
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VCELL_FIBER_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define VCELL_FIBER_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define VCELL_FIBER_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define VCELL_FIBER_TSAN 1
#endif

#if defined(VCELL_FIBER_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(VCELL_FIBER_TSAN)
#include <sanitizer/tsan_interface.h>
#endif
