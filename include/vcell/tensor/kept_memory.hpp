#pragma once

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Which blocks of memory work asked for and gave back, so that the same work, done again, gets the
/// same blocks without asking for any: what a recording needs (tensor/recording_cuda.hpp), since it
/// holds addresses. It owns nothing. Blocks are of one queue: one that was given back may be handed
/// out at once. Safe to use from several threads.
class KeptMemory {
 public:
  /// A block that was given back and is of so many bytes, the last one first; null: there is none.
  void* take(size_t bytes) {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(free_.rbegin(), free_.rend(),
                                    [&](const auto& block) { return block.second == bytes; });
    if (found == free_.rend()) return nullptr;
    void* const block = found->first;
    free_.erase(std::next(found).base());
    taken_.emplace_back(block, bytes);
    return block;
  }
  /// A new block, which is in use.
  void add(void* block, size_t bytes) {
    const std::lock_guard lock(mutex_);
    taken_.emplace_back(block, bytes);
    free_.reserve(free_.size() + taken_.size());  // giving one back never allocates
  }
  /// @return whether it is one of these blocks
  bool give_back(void* block) {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(taken_.begin(), taken_.end(),
                                    [&](const auto& taken) { return taken.first == block; });
    if (found == taken_.end()) return false;
    free_.push_back(*found);
    taken_.erase(found);
    return true;
  }
  /// Blocks that are in use.
  size_t taken() const {
    const std::lock_guard lock(mutex_);
    return taken_.size();
  }
  /// Calls f(block, bytes) for every block that is not in use, and forgets all.
  template <class F>
  void release(F f) {
    const std::lock_guard lock(mutex_);
    for (const auto& [block, bytes] : std::exchange(free_, {})) f(block, bytes);
    taken_.clear();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::pair<void*, size_t>> free_, taken_;
};

}  // namespace detail
VCELL_END_NAMESPACE
