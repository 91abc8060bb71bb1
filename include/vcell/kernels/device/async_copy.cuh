#pragma once

#include "vcell/kernels/device/platform.cuh"

VCELL_BEGIN_NAMESPACE
namespace device {

// Copies from global to shared memory that go on while the thread does other things (cp.async). A
// thread ends a group of them with commit_copies, waits for its own with wait_copies, and a
// barrier after that shows them to the other threads. Until then nobody may touch the elements.

/// Begins the copy of an element of an array in shared memory. Of `from` only `bytes` bytes are
/// read, and the rest of the element becomes 0.
/// @tparam piece  bytes that are copied at a time, 4, 8 or 16; what `from` is aligned to
/// @param array   from VCELL_SHARED
/// @param bytes   at most the element's
template <unsigned piece, class Element>
#if defined(__CUDACC__)
__device__ void copy_async(Element* array, size_t i, const void* from, unsigned bytes) {
  static_assert((piece == 4 || piece == 8 || piece == 16) && sizeof(Element) % piece == 0);
  const unsigned to = unsigned(__cvta_generic_to_shared(array + i));
  for (unsigned at = 0; at < sizeof(Element); at += piece) {
    const unsigned left = bytes > at ? bytes - at : 0, there = left < piece ? left : piece;
    // Where nothing is read, the address must still be one that exists.
    const char* const source = static_cast<const char*>(from) + (there ? at : 0);
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;"
                 :
                 : "r"(to + at), "l"(__cvta_generic_to_global(source)), "n"(piece), "r"(there)
                 : "memory");
  }
}
#else
void copy_async(const vcell_emulation::SharedArray<Element>& array, size_t i, const void* from,
                unsigned bytes) {
  static_assert((piece == 4 || piece == 8 || piece == 16) && sizeof(Element) % piece == 0);
  array.template begin_copy<piece>(i, from, bytes);
}
#endif

/// Ends a group of the copies that this thread has begun.
__device__ inline void commit_copies() {
#if defined(__CUDACC__)
  asm volatile("cp.async.commit_group;" ::: "memory");
#else
  vcell_emulation::Block::current().commit_copies();
#endif
}

/// Waits for all groups of this thread but the last `later` ones.
template <unsigned later>
__device__ void wait_copies() {
#if defined(__CUDACC__)
  asm volatile("cp.async.wait_group %0;" ::"n"(later) : "memory");
#else
  vcell_emulation::Block::current().wait_copies(later);
#endif
}

}  // namespace device
VCELL_END_NAMESPACE
