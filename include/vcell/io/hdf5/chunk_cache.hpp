#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {

/// Unpacked chunks of one dataset that rows to come may want again, those that were wanted last. It
/// holds no more than so many bytes, or else one chunk. Several threads may use it at once.
class ChunkCache {
 public:
  explicit ChunkCache(size_t bytes) : most_(bytes) {}
  ChunkCache(const ChunkCache&) = delete;
  ChunkCache& operator=(const ChunkCache&) = delete;

  using Bytes = std::shared_ptr<const char[]>;

  /// @return nullptr where it is not here
  template <class = void>
  Bytes find(uint64_t number) {
    const std::lock_guard lock(mutex_);
    const auto found = place_of(number);
    if (found == chunks_.end() || found->number != number) return nullptr;
    found->used = ++uses_;
    return found->bytes;
  }
  template <class = void>
  void keep(uint64_t number, Bytes bytes, size_t size) {
    const std::lock_guard lock(mutex_);
    const auto place = place_of(number);
    if (place != chunks_.end() && place->number == number) return;  // another thread was faster
    chunks_.insert(place, {number, std::move(bytes), size, ++uses_});
    held_ += size;
    while (held_ > most_ && chunks_.size() > 1) {
      const auto oldest =
          std::min_element(chunks_.begin(), chunks_.end(),
                           [](const Chunk& a, const Chunk& b) { return a.used < b.used; });
      held_ -= oldest->size;
      chunks_.erase(oldest);
    }
  }
  /// Bytes that are held now.
  size_t held() const {
    const std::lock_guard lock(mutex_);
    return held_;
  }

 private:
  struct Chunk {
    uint64_t number;
    Bytes bytes;
    size_t size;
    uint64_t used;  // when it was wanted last
  };

  /// Where a chunk is, or would be.
  template <class = void>
  std::vector<Chunk>::iterator place_of(uint64_t number) {
    return std::lower_bound(chunks_.begin(), chunks_.end(), number,
                            [](const Chunk& c, uint64_t n) { return c.number < n; });
  }

  mutable std::mutex mutex_;
  std::vector<Chunk> chunks_;  // by number: finding is frequent, and keeping follows an unpacking
  uint64_t uses_ = 0;
  size_t most_, held_ = 0;
};

}  // namespace hdf5
VCELL_END_NAMESPACE
