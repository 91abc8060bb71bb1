#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <vector>

#include "vcell/core/at_fork.hpp"
#include "vcell/tensor/context.hpp"
#include "vcell/tensor/poison.hpp"

VCELL_BEGIN_NAMESPACE

/// Blocks of memory on a device: allocate, deallocate, copy, zero, upload, download, each in the
/// order of a context. Blocks that are given back are kept and handed out again, so a loop whose
/// steps need the same sizes asks the system only in its first step.
template <class Device>
struct Memory;

namespace detail {

/// Freed blocks by size class: powers of two, each cut into four, so at most a quarter is unused.
// One of the library's three pieces of global state: the allocator cache.
class BlockCache {
 public:
  static constexpr size_t alignment = 64;  // a cache line, and the widest vector register

  static BlockCache& instance() {
    // Never destroyed: tensors in static storage may be freed after it otherwise.
    static BlockCache* cache = make();
    return *cache;
  }

  void* allocate(size_t bytes) {
    const size_t c = size_class(bytes);
    void* block = take(c);
    unpoison(block, bytes);
    poison(static_cast<char*>(block) + bytes, class_bytes(c) - bytes);
    return block;
  }

  void deallocate(void* block, size_t bytes) noexcept {
    const size_t c = size_class(bytes);
    poison(block, class_bytes(c));
    const std::lock_guard lock(mutex_);
    free_[c].push_back(block);
    cached_ += class_bytes(c);
  }

  void release() {
    const std::lock_guard lock(mutex_);
    for (size_t c = 0; c < free_.size(); ++c) {
      for (void* block : free_[c]) {
        unpoison(block, class_bytes(c));
        ::operator delete(block, std::align_val_t(alignment));
      }
      live_[c] -= free_[c].size();
      free_[c].clear();
    }
    cached_ = 0;
  }

  size_t system_allocations() const { return system_allocations_; }
  size_t cached_bytes() const {
    const std::lock_guard lock(mutex_);
    return cached_;
  }

 private:
  static BlockCache* make() {
    auto cache = std::make_unique<BlockCache>();
    // No fork while another thread holds the lock, which the child would wait for in vain.
    at_fork([] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
            [] { instance().mutex_.unlock(); });
    return cache.release();
  }

  /// A block of a size class: one that was given back, or a new one.
  void* take(size_t c) {
    {
      const std::lock_guard lock(mutex_);
      if (!free_[c].empty()) {
        void* block = free_[c].back();
        free_[c].pop_back();
        cached_ -= class_bytes(c);
        return block;
      }
      // Room for every block of the class, so that giving one back never allocates.
      if (++live_[c] > free_[c].capacity()) free_[c].reserve(2 * live_[c]);
    }
    ++system_allocations_;
    constexpr auto aligned = std::align_val_t(alignment);
    if (void* block = ::operator new(class_bytes(c), aligned, std::nothrow)) return block;
    release();  // what is kept may be what is missing
    return ::operator new(class_bytes(c), aligned);
  }

  static size_t size_class(size_t bytes) {
    if (bytes <= alignment) return 0;
    const size_t log = size_t(std::bit_width(bytes - 1)) - 1;  // 2^log < bytes <= 2^(log + 1)
    const size_t quarter = (bytes - 1 - (size_t(1) << log)) >> (log - 2);
    return (log - 6) * 4 + quarter + 1;
  }
  static size_t class_bytes(size_t c) {
    if (c == 0) return alignment;
    const size_t log = (c - 1) / 4 + 6, quarter = (c - 1) % 4;
    return (size_t(1) << log) + (quarter + 1) * (size_t(1) << (log - 2));
  }

  mutable std::mutex mutex_;
  std::array<std::vector<void*>, 240> free_;
  std::array<size_t, 240> live_{};
  size_t cached_ = 0;
  std::atomic<size_t> system_allocations_{0};
};

}  // namespace detail

template <>
struct Memory<Cpu> {
  /// A block of at least this many bytes, 64-byte aligned, not initialised.
  /// @throws std::bad_alloc
  static void* allocate(const Context<Cpu>&, size_t bytes) {
    return detail::BlockCache::instance().allocate(bytes);
  }
  /// Gives a block back to the cache; bytes as it was asked for.
  static void deallocate(const Context<Cpu>&, void* block, size_t bytes) noexcept {
    detail::BlockCache::instance().deallocate(block, bytes);
  }
  static void copy(const Context<Cpu>&, void* to, const void* from, size_t bytes) {
    if (bytes) std::memcpy(to, from, bytes);
  }
  static void zero(const Context<Cpu>&, void* block, size_t bytes) {
    if (bytes) std::memset(block, 0, bytes);
  }
  /// From the host, whose bytes may change as soon as it returns. Here the same as copy.
  static void upload(const Context<Cpu>& context, void* to, const void* from, size_t bytes) {
    copy(context, to, from, bytes);
  }
  /// To the host, which waits. Here the same as copy.
  static void download(const Context<Cpu>& context, void* to, const void* from, size_t bytes) {
    copy(context, to, from, bytes);
  }
  /// Gives all unused blocks back to the system.
  static void release_cache() { detail::BlockCache::instance().release(); }
  /// Blocks asked of the system so far. Steady in the steps of a loop after the first.
  static size_t system_allocations() { return detail::BlockCache::instance().system_allocations(); }
  /// Bytes kept for reuse.
  static size_t cached_bytes() { return detail::BlockCache::instance().cached_bytes(); }
};

/// The context that a block was made in, kept by what owns the block.
template <class Device>
class MemoryHome {
 public:
  void* allocate(size_t bytes) {
    context_.emplace(current_context<Device>());
    return Memory<Device>::allocate(*context_, bytes);
  }
  void deallocate(void* block, size_t bytes) noexcept {
    Memory<Device>::deallocate(*context_, block, bytes);
  }
  void swap(MemoryHome& other) noexcept { context_.swap(other.context_); }

 private:
  std::optional<Context<Device>> context_;
};

/// On the Cpu a block is anybody's, and nothing is kept.
template <>
class MemoryHome<Cpu> {
 public:
  void* allocate(size_t bytes) { return Memory<Cpu>::allocate({}, bytes); }
  void deallocate(void* block, size_t bytes) noexcept { Memory<Cpu>::deallocate({}, block, bytes); }
  void swap(MemoryHome&) noexcept {}
};

VCELL_END_NAMESPACE
