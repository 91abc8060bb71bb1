// A device without a GPU: its memory is there twice. Views carry addresses that nobody may touch,
// and what runs on the device takes them to the same bytes at others, which may be.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <vector>

#include "vcell/tensor/poison.hpp"

namespace vcell_test {

/// The tag of the device.
struct Guarded {};

/// All that belongs to the device is used under this lock.
inline std::recursive_mutex& guarded_mutex() {
  static auto* mutex = new std::recursive_mutex;  // never destroyed: buffers may be static
  return *mutex;
}

class GuardedHeap {
 public:
  static constexpr size_t size = size_t(1) << 30;  // of addresses; pages come when written
  static constexpr size_t alignment = 64;

  static GuardedHeap& instance() {
    static auto* heap = new GuardedHeap;
    return *heap;
  }

  /// A new block, or one whose free has run. Holds 0xff, which is no number.
  void* allocate(size_t bytes) {
    const std::lock_guard lock(guarded_mutex());
    const size_t room = padded(bytes);
    auto& spare = free_[room];
    size_t place = end_;
    if (spare.empty()) {
      if (end_ + room + alignment > size) throw std::bad_alloc();
      end_ += room + alignment;
    } else {
      place = spare.back();
      spare.pop_back();
    }
    vcell::detail::unpoison(open_ + place, room + alignment);
    std::memset(open_ + place, 0xff, room + alignment);
    vcell::detail::poison(open_ + place + bytes, room + alignment - bytes);
    live_[place] = bytes;
    return guarded_ + place;
  }

  /// What a queue does when it comes to the end of a block.
  /// @return  what is wrong, or null
  const char* free(void* block) {
    const std::lock_guard lock(guarded_mutex());
    const auto found = live_.find(offset(block));
    if (found == live_.end()) return "Guarded: a block was freed twice";
    const auto [place, bytes] = *found;
    live_.erase(found);
    const size_t room = padded(bytes);
    unsigned char* begin = open_ + place;
    vcell::detail::unpoison(begin, room + alignment);
    bool whole = true;
    for (size_t i = bytes; i < room + alignment; ++i) whole &= begin[i] == 0xff;
    std::memset(begin, 0xff, room + alignment);
    vcell::detail::poison(begin, room + alignment);
    free_[room].push_back(place);
    return whole ? nullptr : "Guarded: something was written behind the end of a block";
  }

  /// Whether these bytes belong to the device, whoever owns them.
  bool holds(const void* guarded, size_t bytes) const {
    const size_t place = offset(guarded);
    return place < size && bytes <= size - place;
  }
  /// Whether they lie within one block that has not been freed.
  bool is_live(const void* guarded, size_t bytes) const {
    const std::lock_guard lock(guarded_mutex());
    const size_t place = offset(guarded);
    auto next = live_.upper_bound(place);
    if (next == live_.begin()) return false;
    --next;
    return place + bytes <= next->first + next->second;
  }

  /// The address at which the bytes may be touched: for what runs on the device.
  template <class T>
  T* open(T* guarded) const {
    return reinterpret_cast<T*>(
        reinterpret_cast<uintptr_t>(guarded) +
        (reinterpret_cast<uintptr_t>(open_) - reinterpret_cast<uintptr_t>(guarded_)));
  }

 private:
  GuardedHeap() {
    const int file = ::memfd_create("vcell-guarded", 0);
    const bool made = file >= 0 && ::ftruncate(file, off_t(size)) == 0;
    void* guarded = ::mmap(nullptr, size, PROT_NONE, MAP_SHARED, file, 0);
    void* open = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (!made || guarded == MAP_FAILED || open == MAP_FAILED) {
      std::perror("the memory of the device Guarded");
      std::abort();
    }
    ::close(file);
    guarded_ = static_cast<unsigned char*>(guarded);
    open_ = static_cast<unsigned char*>(open);
  }

  static size_t padded(size_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }
  size_t offset(const void* guarded) const {
    return reinterpret_cast<uintptr_t>(guarded) - reinterpret_cast<uintptr_t>(guarded_);
  }

  unsigned char *guarded_ = nullptr, *open_ = nullptr;
  size_t end_ = 0;
  std::map<size_t, size_t> live_;               // bytes by place
  std::map<size_t, std::vector<size_t>> free_;  // places by size
};

}  // namespace vcell_test
