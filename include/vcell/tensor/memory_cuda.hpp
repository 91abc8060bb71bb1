#pragma once

#include <cstddef>
#include <cstdint>

#include "vcell/tensor/context_cuda.hpp"
#include "vcell/tensor/memory_cpu.hpp"

VCELL_BEGIN_NAMESPACE

/// Memory of the GPU, each call in the order of the context's stream: a block that is given back is
/// handed out again only after the work queued before that. The runtime alone is used, so a file
/// compiled without nvcc can own a tensor on the GPU. Every function but deallocate throws
/// CudaError, which names the call and what CUDA said of it.
template <>
struct Memory<Cuda> {
  /// A block of at least this many bytes, 256-byte aligned, not initialised.
  static void* allocate(const Context<Cuda>& context, size_t bytes) {
    detail::CudaWork* const kept = context.kept_work();
    void* block = kept ? kept->blocks().take(bytes) : nullptr;
    if (block) return block;
    check_not_recording("Memory<Cuda>::allocate", context, bytes);
    const detail::OnCudaDevice there("Memory<Cuda>::allocate", context.device());
    check_cuda("Memory<Cuda>::allocate",
               cudaMallocFromPoolAsync(&block, bytes, context.memory_pool(), context.stream()),
               "cudaMallocFromPoolAsync of ", bytes, " bytes");
    if (kept) kept->blocks().add(block, bytes);
    return block;
  }
  /// Gives a block back to the pool.
  static void deallocate(const Context<Cuda>& context, void* block, size_t) noexcept {
    detail::CudaWork* const kept = context.kept_work();
    if (kept && kept->blocks().give_back(block)) return;
    // A failure here repeats one that an earlier call has reported, or the driver is gone because
    // the program ends: nothing is left to be done about it.
    const detail::OnCudaDevice there(context.device());
    if (cudaFreeAsync(block, context.stream()) != cudaSuccess) cudaGetLastError();
  }
  /// Both on the context's device.
  static void copy(const Context<Cuda>& context, void* to, const void* from, size_t bytes) {
    if (!bytes) return;
    const detail::OnCudaDevice there("Memory<Cuda>::copy", context.device());
    check_cuda("Memory<Cuda>::copy",
               cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, context.stream()),
               "cudaMemcpyAsync of ", bytes, " bytes");
  }
  static void zero(const Context<Cuda>& context, void* block, size_t bytes) {
    if (!bytes) return;
    const detail::OnCudaDevice there("Memory<Cuda>::zero", context.device());
    check_cuda("Memory<Cuda>::zero", cudaMemsetAsync(block, 0, bytes, context.stream()),
               "cudaMemsetAsync of ", bytes, " bytes");
  }
  /// From the host, whose bytes may change as soon as it returns; it seldom waits for the stream
  /// (staging_cuda.hpp).
  static void upload(const Context<Cuda>& context, void* to, const void* from, size_t bytes) {
    if (bytes) context.upload("Memory<Cuda>::upload", to, from, bytes);
  }
  /// To the host, once the work queued before is done.
  static void download(const Context<Cuda>& context, void* to, const void* from, size_t bytes) {
    constexpr const char* function = "Memory<Cuda>::download";
    check_not_recording(function, context, bytes);
    if (!bytes) return;
    const detail::OnCudaDevice there(function, context.device());
    check_cuda(function, cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, context.stream()),
               "cudaMemcpyAsync of ", bytes, " bytes");
    check_cuda(function, cudaStreamSynchronize(context.stream()), "cudaStreamSynchronize");
  }
  /// Waits for the current context's device and gives all its unused blocks back to it.
  static void release_cache() {
    constexpr const char* function = "Memory<Cuda>::release_cache";
    const Context<Cuda>& context = current_context<Cuda>();
    const cudaMemPool_t pool = context.memory_pool();
    const detail::OnCudaDevice there(function, context.device());
    check_cuda(function, cudaDeviceSynchronize(), "cudaDeviceSynchronize");
    check_cuda(function, cudaMemPoolTrimTo(pool, 0), "cudaMemPoolTrimTo");
  }
  /// Bytes kept for reuse on the current context's device.
  static size_t cached_bytes() {
    return pool_bytes(cudaMemPoolAttrReservedMemCurrent) -
           pool_bytes(cudaMemPoolAttrUsedMemCurrent);
  }
  /// Bytes of the current context's device that nobody has, nor any pool keeps.
  static size_t free_bytes() {
    constexpr const char* function = "Memory<Cuda>::free_bytes";
    const detail::OnCudaDevice there(function, current_context<Cuda>().device());
    size_t free = 0, all = 0;
    check_cuda(function, cudaMemGetInfo(&free, &all), "cudaMemGetInfo");
    return free;
  }

 private:
  /// What cannot be done again without the host.
  static void check_not_recording(const char* function, const Context<Cuda>& context,
                                  size_t bytes) {
    if (context.kept_work() && context.kept_work()->is_recording() && bytes) [[unlikely]]
      throw CudaError(message(function, ": ", bytes,
                              " bytes that were not asked for in the run before, in work that is "
                              "recorded; every run asks for the same, and reads nothing back"));
  }
  static size_t pool_bytes(cudaMemPoolAttr attribute) {
    uint64_t bytes = 0;
    check_cuda("Memory<Cuda>::cached_bytes",
               cudaMemPoolGetAttribute(current_context<Cuda>().memory_pool(), attribute, &bytes),
               "cudaMemPoolGetAttribute");
    return size_t(bytes);
  }
};

VCELL_END_NAMESPACE
