#pragma once

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

#include "vcell/tensor/check_cuda.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The memory of work that is done again and again (tensor/recording_cuda.hpp): what the first run
/// asked for, later ones get without asking. Blocks are of one stream: one that was given back may
/// be handed out at once, and kinds of work that take turns in the stream share them. It owns none.
/// Safe to use from several threads.
class CudaBlocks {
 public:
  CudaBlocks() = default;
  CudaBlocks(const CudaBlocks&) = delete;
  CudaBlocks& operator=(const CudaBlocks&) = delete;

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
  /// Calls f(block, bytes) for every block that is not in use.
  template <class F>
  void for_free(F f) const {
    const std::lock_guard lock(mutex_);
    for (const auto& [block, bytes] : free_) f(block, bytes);
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::pair<void*, size_t>> free_, taken_;
};

/// Such work itself. In its first run it notes which bytes are uploaded; later runs upload the same
/// from pinned memory, which it owns. Safe to use from several threads, but for the recording.
class CudaWork {
 public:
  /// @param blocks  its memory; must outlive it
  explicit CudaWork(CudaBlocks& blocks) : blocks_(blocks) {}
  CudaWork(const CudaWork&) = delete;
  CudaWork& operator=(const CudaWork&) = delete;
  ~CudaWork() {
    for (const auto& upload : uploads_)
      if (upload.from && cudaFreeHost(upload.from) != cudaSuccess) cudaGetLastError();
  }

  CudaBlocks& blocks() const { return blocks_; }

  /// Pinned bytes for an upload: those of the first run, where this is a later one.
  /// @throws CudaError if bytes are not those of the first run
  const void* pinned(const char* function, const void* from, size_t bytes) {
    const std::lock_guard lock(mutex_);
    if (!is_recording_) {
      Upload upload{nullptr, bytes};
      check_cuda(function, cudaHostAlloc(&upload.from, bytes, cudaHostAllocDefault),
                 "cudaHostAlloc of ", bytes, " bytes");
      std::memcpy(upload.from, from, bytes);
      uploads_.push_back(upload);
      return upload.from;
    }
    if (next_upload_ == uploads_.size() || uploads_[next_upload_].bytes != bytes ||
        std::memcmp(uploads_[next_upload_].from, from, bytes) != 0)
      throw CudaError(message(function, ": ", bytes,
                              " bytes that were others in the run before, in work that is "
                              "recorded; what changes is sent before it"));
    return uploads_[next_upload_++].from;
  }

  bool is_recording() const { return is_recording_; }
  void begin_recording() {
    is_recording_ = true;
    next_upload_ = 0;
  }
  void end_recording() { is_recording_ = false; }
  /// @throws CudaError if an upload of the first run was missing in the one that was recorded
  void check_complete(const char* function) const {
    if (next_upload_ != uploads_.size())
      throw CudaError(message(function, ": the work uploaded ", next_upload_, " times, and ",
                              uploads_.size(), " times in the run before"));
  }

 private:
  struct Upload {
    void* from;
    size_t bytes;
  };
  CudaBlocks& blocks_;
  std::mutex mutex_;
  std::vector<Upload> uploads_;
  size_t next_upload_ = 0;
  bool is_recording_ = false;
};

}  // namespace detail
VCELL_END_NAMESPACE
