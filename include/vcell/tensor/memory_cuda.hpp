#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "vcell/tensor/check_cuda.hpp"
#include "vcell/tensor/memory_cpu.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

// The GPU's half of the allocator cache: a pool of our own on the device that is current when the
// first tensor is made. It keeps what is freed, as BlockCache does, until it is told otherwise.
inline cudaMemPool_t cuda_pool() {
  static const cudaMemPool_t pool = [] {
    constexpr const char* function = "Memory<Cuda>::allocate";
    cudaMemPoolProps wanted{};
    wanted.allocType = cudaMemAllocationTypePinned;
    wanted.handleTypes = cudaMemHandleTypeNone;
    wanted.location.type = cudaMemLocationTypeDevice;
    check_cuda(function, cudaGetDevice(&wanted.location.id), "cudaGetDevice");
    cudaMemPool_t made = nullptr;
    check_cuda(function, cudaMemPoolCreate(&made, &wanted), "cudaMemPoolCreate");
    uint64_t keep = UINT64_MAX;  // bytes that stay in the pool when the device is waited for
    check_cuda(function, cudaMemPoolSetAttribute(made, cudaMemPoolAttrReleaseThreshold, &keep),
               "cudaMemPoolSetAttribute");
    return made;
  }();
  return pool;
}

inline size_t cuda_pool_bytes(const char* function, cudaMemPoolAttr attribute) {
  uint64_t bytes = 0;
  check_cuda(function, cudaMemPoolGetAttribute(cuda_pool(), attribute, &bytes),
             "cudaMemPoolGetAttribute");
  return size_t(bytes);
}

}  // namespace detail

/// Memory of the GPU, ordered with the kernels of the default stream: a block that is given back
/// is handed out again only after the work queued before that. The runtime alone is used, so a
/// file compiled without nvcc can own a tensor on the GPU. Every function but deallocate throws
/// CudaError, which names the call and what CUDA said of it.
template <>
struct Memory<Cuda> {
  /// A block of at least this many bytes, 256-byte aligned, not initialised.
  static void* allocate(size_t bytes) {
    void* block = nullptr;
    check_cuda("Memory<Cuda>::allocate",
               cudaMallocFromPoolAsync(&block, bytes, detail::cuda_pool(), nullptr),
               "cudaMallocFromPoolAsync of ", bytes, " bytes");
    return block;
  }
  /// Gives a block back to the pool.
  static void deallocate(void* block, size_t) noexcept {
    // A failure here repeats one that an earlier call has reported, or the driver is gone because
    // the program ends: nothing is left to be done about it.
    if (cudaFreeAsync(block, nullptr) != cudaSuccess) cudaGetLastError();
  }
  /// Both on the GPU.
  static void copy(void* to, const void* from, size_t bytes) {
    if (bytes)
      check_cuda("Memory<Cuda>::copy",
                 cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, nullptr),
                 "cudaMemcpyAsync of ", bytes, " bytes");
  }
  static void zero(void* block, size_t bytes) {
    if (bytes)
      check_cuda("Memory<Cuda>::zero", cudaMemsetAsync(block, 0, bytes, nullptr),
                 "cudaMemsetAsync of ", bytes, " bytes");
  }
  /// From the host to the GPU. The host's bytes may change as soon as it returns.
  static void upload(void* to, const void* from, size_t bytes) {
    transfer("Memory<Cuda>::upload", to, from, bytes, cudaMemcpyHostToDevice);
  }
  /// From the GPU to the host, once the work queued before is done.
  static void download(void* to, const void* from, size_t bytes) {
    transfer("Memory<Cuda>::download", to, from, bytes, cudaMemcpyDeviceToHost);
  }
  /// Gives all unused blocks back to the GPU.
  static void release_cache() {
    constexpr const char* function = "Memory<Cuda>::release_cache";
    check_cuda(function, cudaStreamSynchronize(nullptr), "cudaStreamSynchronize");
    check_cuda(function, cudaMemPoolTrimTo(detail::cuda_pool(), 0), "cudaMemPoolTrimTo");
  }
  /// Bytes kept for reuse.
  static size_t cached_bytes() {
    constexpr const char* function = "Memory<Cuda>::cached_bytes";
    return detail::cuda_pool_bytes(function, cudaMemPoolAttrReservedMemCurrent) -
           detail::cuda_pool_bytes(function, cudaMemPoolAttrUsedMemCurrent);
  }

 private:
  static void transfer(const char* function, void* to, const void* from, size_t bytes,
                       cudaMemcpyKind kind) {
    if (!bytes) return;
    check_cuda(function, cudaMemcpyAsync(to, from, bytes, kind, nullptr), "cudaMemcpyAsync of ",
               bytes, " bytes");
    check_cuda(function, cudaStreamSynchronize(nullptr), "cudaStreamSynchronize");
  }
};

VCELL_END_NAMESPACE
