#include "train/count_allocations.hpp"

#include <cstdlib>
#include <new>
#include <vector>

#include "support/catch.hpp"
#include "support/sanitized.hpp"

namespace {

thread_local size_t allocations = 0;

}  // namespace

size_t vcell_test::allocations_of_this_thread() { return allocations; }

#ifndef VCELL_TEST_SANITIZED

namespace {

[[gnu::noinline]] void* allocate(size_t bytes, size_t alignment) {
  ++allocations;
  const size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* block = alignment <= alignof(std::max_align_t)
                    ? std::malloc(bytes ? bytes : 1)
                    : std::aligned_alloc(alignment, rounded ? rounded : alignment);
  if (!block) throw std::bad_alloc();
  return block;
}

// Not inline: the compiler would warn of new with free.
[[gnu::noinline]] void release(void* block) { std::free(block); }

}  // namespace

void* operator new(size_t bytes) { return allocate(bytes, 1); }
void* operator new[](size_t bytes) { return allocate(bytes, 1); }
void* operator new(size_t bytes, std::align_val_t a) { return allocate(bytes, size_t(a)); }
void* operator new[](size_t bytes, std::align_val_t a) { return allocate(bytes, size_t(a)); }
void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return allocate(bytes, 1); }
void* operator new[](size_t bytes, const std::nothrow_t&) noexcept { return allocate(bytes, 1); }
void* operator new(size_t bytes, std::align_val_t a, const std::nothrow_t&) noexcept {
  return allocate(bytes, size_t(a));
}
void* operator new[](size_t bytes, std::align_val_t a, const std::nothrow_t&) noexcept {
  return allocate(bytes, size_t(a));
}
void operator delete(void* block) noexcept { release(block); }
void operator delete[](void* block) noexcept { release(block); }
void operator delete(void* block, size_t) noexcept { release(block); }
void operator delete[](void* block, size_t) noexcept { release(block); }
void operator delete(void* block, std::align_val_t) noexcept { release(block); }
void operator delete[](void* block, std::align_val_t) noexcept { release(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { release(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { release(block); }
void operator delete(void* block, std::align_val_t, const std::nothrow_t&) noexcept {
  release(block);
}
void operator delete[](void* block, std::align_val_t, const std::nothrow_t&) noexcept {
  release(block);
}
void operator delete(void* block, size_t, std::align_val_t) noexcept { release(block); }
void operator delete[](void* block, size_t, std::align_val_t) noexcept { release(block); }

#endif  // VCELL_TEST_SANITIZED

TEST_CASE("count_allocations: sees what the standard containers do", "[train]") {
#ifdef VCELL_TEST_SANITIZED
  VCELL_SKIP("a sanitizer brings an operator new of its own");
#endif
  const size_t before = vcell_test::allocations_of_this_thread();
  std::vector<int> v(1000);
  REQUIRE(v.size() == 1000);
  REQUIRE(vcell_test::allocations_of_this_thread() > before);
}
