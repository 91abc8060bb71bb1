#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "vcell/tensor/check_cuda.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The GPU's half of the allocator cache: a pool of our own on every device that is used. It keeps
/// what is freed, as BlockCache does, until it is told otherwise. Made at first use and never
/// destroyed: tensors in static storage may be freed late.
/// @throws CudaError
inline cudaMemPool_t cuda_pool(const char* function, int device) {
  static std::mutex& mutex = *new std::mutex;
  static auto& pools = *new std::vector<cudaMemPool_t>;
  const std::lock_guard lock(mutex);
  if (pools.size() <= size_t(device)) pools.resize(size_t(device) + 1);
  cudaMemPool_t& pool = pools[size_t(device)];
  if (pool) return pool;
  cudaMemPoolProps wanted{};
  wanted.allocType = cudaMemAllocationTypePinned;
  wanted.handleTypes = cudaMemHandleTypeNone;
  wanted.location.type = cudaMemLocationTypeDevice;
  wanted.location.id = device;
  cudaMemPool_t made = nullptr;
  check_cuda(function, cudaMemPoolCreate(&made, &wanted), "cudaMemPoolCreate");
  uint64_t keep = UINT64_MAX;  // bytes that stay in the pool when the device is waited for
  check_cuda(function, cudaMemPoolSetAttribute(made, cudaMemPoolAttrReleaseThreshold, &keep),
             "cudaMemPoolSetAttribute");
  return pool = made;
}

}  // namespace detail
VCELL_END_NAMESPACE
