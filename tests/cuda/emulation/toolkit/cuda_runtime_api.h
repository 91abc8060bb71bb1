// Stands in for the CUDA runtime where kernels run as plain C++: the calls that vcell makes, over
// host memory, so that AddressSanitizer watches what a kernel does to it. There is one device and
// one stream, and every call is finished when it returns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <new>

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNoDevice = 100
};
enum cudaMemcpyKind {
  cudaMemcpyHostToDevice = 1,
  cudaMemcpyDeviceToHost,
  cudaMemcpyDeviceToDevice
};
enum cudaMemAllocationType { cudaMemAllocationTypePinned = 1 };
enum cudaMemAllocationHandleType { cudaMemHandleTypeNone = 0 };
enum cudaMemLocationType { cudaMemLocationTypeDevice = 1 };
enum cudaMemPoolAttr {
  cudaMemPoolAttrReleaseThreshold = 4,
  cudaMemPoolAttrReservedMemCurrent = 5,
  cudaMemPoolAttrUsedMemCurrent = 7
};
struct cudaMemLocation {
  cudaMemLocationType type;
  int id;
};
struct cudaMemPoolProps {
  cudaMemAllocationType allocType;
  cudaMemAllocationHandleType handleTypes;
  cudaMemLocation location;
};

namespace vcell_emulation {
struct Stream {};
struct Pool {};

/// Blocks of the device's memory that are in use, and their bytes.
inline std::map<const void*, size_t>& device_blocks() {
  static std::map<const void*, size_t> blocks;
  return blocks;
}
/// Whether these bytes lie within one block of the device's memory.
inline bool on_device(const void* from, size_t bytes) {
  auto block = device_blocks().upper_bound(from);
  if (block == device_blocks().begin()) return false;
  --block;
  const size_t offset =
      size_t(static_cast<const char*>(from) - static_cast<const char*>(block->first));
  return offset <= block->second && bytes <= block->second - offset;
}
}  // namespace vcell_emulation

using cudaStream_t = vcell_emulation::Stream*;
using cudaMemPool_t = vcell_emulation::Pool*;

inline const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "cudaSuccess";
    case cudaErrorInvalidValue:
      return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorInvalidConfiguration:
      return "cudaErrorInvalidConfiguration";
    case cudaErrorInsufficientDriver:
      return "cudaErrorInsufficientDriver";
    case cudaErrorNoDevice:
      return "cudaErrorNoDevice";
  }
  return "unknown error";
}
inline const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorInvalidValue:
      return "invalid argument";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorInvalidConfiguration:
      return "invalid configuration argument";
    case cudaErrorInsufficientDriver:
      return "driver too old";
    case cudaErrorNoDevice:
      return "no CUDA-capable device is detected";
  }
  return "unknown error";
}
inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }

inline cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const cudaMemPoolProps* wanted) {
  static vcell_emulation::Pool only;
  if (wanted->allocType != cudaMemAllocationTypePinned || wanted->location.id != 0)
    return cudaErrorInvalidValue;
  *pool = &only;
  return cudaSuccess;
}
inline cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr, void* value) {
  return pool && value ? cudaSuccess : cudaErrorInvalidValue;
}
/// Nothing is kept for reuse here, so that AddressSanitizer sees every block that is freed.
inline cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t, cudaMemPoolAttr, void* value) {
  uint64_t bytes = 0;
  for (const auto& block : vcell_emulation::device_blocks()) bytes += block.second;
  std::memcpy(value, &bytes, sizeof bytes);
  return cudaSuccess;
}
inline cudaError_t cudaMemPoolTrimTo(cudaMemPool_t, size_t) { return cudaSuccess; }

/// New memory holds bytes 0xff (not-a-number): nobody may count on zeros.
inline cudaError_t cudaMallocFromPoolAsync(void** block, size_t bytes, cudaMemPool_t,
                                           cudaStream_t) {
  constexpr size_t device_bytes = size_t(1) << 40;
  *block = nullptr;
  if (bytes == 0) return cudaSuccess;
  if (bytes > device_bytes) return cudaErrorMemoryAllocation;
  *block = ::operator new(bytes, std::nothrow);
  if (!*block) return cudaErrorMemoryAllocation;
  std::memset(*block, 0xff, bytes);
  vcell_emulation::device_blocks()[*block] = bytes;
  return cudaSuccess;
}
inline cudaError_t cudaFreeAsync(void* block, cudaStream_t) {
  if (vcell_emulation::device_blocks().erase(block) == 0) return cudaErrorInvalidValue;
  ::operator delete(block);
  return cudaSuccess;
}
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                                   cudaStream_t) {
  using vcell_emulation::on_device;
  if (on_device(to, bytes) != (kind != cudaMemcpyDeviceToHost) ||
      on_device(from, bytes) != (kind != cudaMemcpyHostToDevice))
    return cudaErrorInvalidValue;
  std::memcpy(to, from, bytes);
  return cudaSuccess;
}
inline cudaError_t cudaMemsetAsync(void* block, int value, size_t bytes, cudaStream_t) {
  if (!vcell_emulation::on_device(block, bytes)) return cudaErrorInvalidValue;
  std::memset(block, value, bytes);
  return cudaSuccess;
}
