#pragma once

#include <cstddef>

#include "vcell/core/abi.hpp"

#if defined(VCELL_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#endif

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Tells AddressSanitizer, where the program is compiled with it, that nobody may touch these
/// bytes. It sees only what comes from the system and goes back there, and not what the memory
/// cache does in between.
inline void poison([[maybe_unused]] const void* bytes, [[maybe_unused]] size_t count) {
#if defined(VCELL_ADDRESS_SANITIZER)
  ASAN_POISON_MEMORY_REGION(bytes, count);
#endif
}

/// Takes that back.
inline void unpoison([[maybe_unused]] const void* bytes, [[maybe_unused]] size_t count) {
#if defined(VCELL_ADDRESS_SANITIZER)
  ASAN_UNPOISON_MEMORY_REGION(bytes, count);
#endif
}

}  // namespace detail
VCELL_END_NAMESPACE
