// Memory of the device Guarded (support/guarded_memory.hpp) for tensors; its kernels are in
// support/guarded_kernels.hpp.
#pragma once

#include "support/guarded_queue.hpp"
#include "support/guarded_stack.hpp"
#include "vcell/tensor/copy.hpp"
#include "vcell/tensor/recording.hpp"

VCELL_BEGIN_NAMESPACE

template <>
class Recording<vcell_test::Guarded> {
 public:
  static constexpr bool is_possible = false;
};

template <>
struct Memory<vcell_test::Guarded> {
  using Place = const Context<vcell_test::Guarded>&;

  static void* allocate(Place, size_t bytes) { return heap().allocate(bytes); }
  static void deallocate(Place context, void* block, size_t) noexcept {
    context.queue().add([block] { return heap().free(block); });
  }
  static void copy(Place context, void* to, const void* from, size_t bytes) {
    if (!bytes) return;
    check(to, bytes);
    check(from, bytes);
    context.queue().add([=] {
      if (!heap().is_live(to, bytes) || !heap().is_live(from, bytes)) return freed;
      std::memcpy(heap().open(to), heap().open(from), bytes);
      return nothing;
    });
  }
  static void zero(Place context, void* block, size_t bytes) {
    if (!bytes) return;
    check(block, bytes);
    context.queue().add([=] {
      if (!heap().is_live(block, bytes)) return freed;
      std::memset(heap().open(block), 0, bytes);
      return nothing;
    });
  }
  static void upload(Place context, void* to, const void* from, size_t bytes) {
    if (!bytes) return;
    check(to, bytes);
    const auto* first = static_cast<const char*>(from);
    context.queue().add([to, taken = std::vector<char>(first, first + bytes)] {
      if (!heap().is_live(to, taken.size())) return freed;
      std::memcpy(heap().open(to), taken.data(), taken.size());
      return nothing;
    });
  }
  static void download(Place context, void* to, const void* from, size_t bytes) {
    if (!bytes) return;
    check(from, bytes);
    context.queue().wait();
    if (!heap().is_live(from, bytes)) throw Error(freed);
    std::memcpy(to, heap().open(from), bytes);
  }

 private:
  static constexpr const char* nothing = nullptr;
  static constexpr const char* freed = "Guarded: a copy touches memory that was freed before it";

  static vcell_test::GuardedHeap& heap() { return vcell_test::GuardedHeap::instance(); }
  static void check(const void* at, size_t bytes) {
    if (!heap().holds(at, bytes)) throw Error("Guarded: a copy touches memory of the host");
  }
};

VCELL_END_NAMESPACE
