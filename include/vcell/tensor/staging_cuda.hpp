#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <mutex>
#include <optional>

#include "vcell/tensor/stream_cuda.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// What goes from the host to the GPU, on its way: a ring of pinned pieces, each kept until the
/// copy out of it is done. The caller's bytes are taken at the call, and the host waits only where
/// it is a whole ring ahead.
class CudaStaging {
 public:
  static constexpr size_t piece_bytes = size_t(1) << 16;
  static constexpr size_t pieces = 64;

  CudaStaging() = default;
  CudaStaging(const CudaStaging&) = delete;
  CudaStaging& operator=(const CudaStaging&) = delete;
  ~CudaStaging() {
    for (const auto& taken : taken_)
      if (taken && cudaEventSynchronize(taken->get()) != cudaSuccess) cudaGetLastError();
    if (memory_ && cudaFreeHost(memory_) != cudaSuccess) cudaGetLastError();
  }

  /// Queues a copy from the host. All calls name the same stream.
  /// @param function  who asks, for the message
  /// @throws CudaError
  void upload(const char* function, void* to, const void* from, size_t bytes, cudaStream_t stream) {
    const std::lock_guard lock(mutex_);
    if (!memory_) {
      void* memory = nullptr;
      check_cuda(function, cudaHostAlloc(&memory, pieces * piece_bytes, cudaHostAllocDefault),
                 "cudaHostAlloc of ", pieces * piece_bytes, " bytes");
      memory_ = static_cast<std::byte*>(memory);
    }
    for (size_t done = 0; done < bytes; done += piece_bytes) {
      const size_t n = std::min(piece_bytes, bytes - done);
      std::byte* const piece = memory_ + next_ * piece_bytes;
      auto& taken = taken_[next_];
      next_ = (next_ + 1) % pieces;
      if (taken)
        check_cuda(function, cudaEventSynchronize(taken->get()), "cudaEventSynchronize");
      else
        taken.emplace(function);
      std::memcpy(piece, static_cast<const std::byte*>(from) + done, n);
      check_cuda(function,
                 cudaMemcpyAsync(static_cast<std::byte*>(to) + done, piece, n,
                                 cudaMemcpyHostToDevice, stream),
                 "cudaMemcpyAsync of ", n, " bytes");
      check_cuda(function, cudaEventRecord(taken->get(), stream), "cudaEventRecord");
    }
  }

 private:
  std::mutex mutex_;
  std::byte* memory_ = nullptr;
  std::array<std::optional<CudaEvent>, pieces> taken_;
  size_t next_ = 0;
};

}  // namespace detail
VCELL_END_NAMESPACE
