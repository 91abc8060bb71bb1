// Stands in for the CUDA runtime where kernels run as plain C++: the calls that vcell makes, over
// host memory, so that AddressSanitizer watches what a kernel does to it. There are as many devices
// as a test pretends, one by itself; and no default stream, since vcell uses none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

#include "cuda/emulation/order.hpp"

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorInvalidResourceHandle = 400,
  cudaErrorStreamCaptureUnsupported = 900,
  cudaErrorStreamCaptureInvalidated = 901
};
enum cudaMemcpyKind {
  cudaMemcpyHostToDevice = 1,
  cudaMemcpyDeviceToHost,
  cudaMemcpyDeviceToDevice
};
enum cudaStreamCaptureMode { cudaStreamCaptureModeThreadLocal = 1 };
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

constexpr unsigned cudaStreamNonBlocking = 1, cudaEventDisableTiming = 2, cudaHostAllocDefault = 0;

using cudaStream_t = vcell_emulation::Stream*;
using cudaEvent_t = vcell_emulation::Event*;
using cudaMemPool_t = vcell_emulation::Pool*;
using cudaGraph_t = vcell_emulation::Graph*;
using cudaGraphExec_t = vcell_emulation::Graph*;

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
    case cudaErrorInvalidDevice:
      return "cudaErrorInvalidDevice";
    case cudaErrorInvalidResourceHandle:
      return "cudaErrorInvalidResourceHandle";
    case cudaErrorStreamCaptureUnsupported:
      return "cudaErrorStreamCaptureUnsupported";
    case cudaErrorStreamCaptureInvalidated:
      return "cudaErrorStreamCaptureInvalidated";
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
      return "CUDA driver version is insufficient for CUDA runtime version";
    case cudaErrorNoDevice:
      return "no CUDA-capable device is detected";
    case cudaErrorInvalidDevice:
      return "invalid device ordinal";
    case cudaErrorInvalidResourceHandle:
      return "invalid resource handle";
    case cudaErrorStreamCaptureUnsupported:
      return "operation not permitted when stream is capturing";
    case cudaErrorStreamCaptureInvalidated:
      return "operation failed due to a previous error during capture";
  }
  return "unknown error";
}
inline cudaError_t cudaGetLastError() { return cudaSuccess; }

struct cudaDeviceProp {
  char name[256];
  size_t totalGlobalMem;
  int major, minor;
};

namespace vcell_emulation {

constexpr int runtime_version = 13000;
constexpr size_t device_bytes = size_t(1) << 40;

/// What every call says where there is no device, or no driver for one.
inline cudaError_t any_device() {
  if (machine().driver < runtime_version) return cudaErrorInsufficientDriver;
  return machine().devices ? cudaSuccess : cudaErrorNoDevice;
}
/// Whether there is a device of this number.
inline cudaError_t that_device(int device) {
  const cudaError_t error = any_device();
  if (error != cudaSuccess) return error;
  return device >= 0 && device < machine().devices ? cudaSuccess : cudaErrorInvalidDevice;
}

}  // namespace vcell_emulation

inline cudaError_t cudaDriverGetVersion(int* version) {
  *version = vcell_emulation::machine().driver;
  return cudaSuccess;
}
inline cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = vcell_emulation::runtime_version;
  return cudaSuccess;
}
inline cudaError_t cudaGetDeviceCount(int* count) {
  const cudaError_t error = vcell_emulation::any_device();
  *count = error == cudaSuccess ? vcell_emulation::machine().devices : 0;
  return error;
}
inline cudaError_t cudaGetDevice(int* device) {
  *device = vcell_emulation::current_device();
  return vcell_emulation::any_device();
}
inline cudaError_t cudaSetDevice(int device) {
  const cudaError_t error = vcell_emulation::that_device(device);
  if (error == cudaSuccess) vcell_emulation::current_device() = device;
  return error;
}
inline cudaError_t cudaGetDeviceProperties(cudaDeviceProp* found, int device) {
  const cudaError_t error = vcell_emulation::that_device(device);
  if (error != cudaSuccess) return error;
  *found = {"Emulated GPU", vcell_emulation::device_bytes, 9, 0};
  return cudaSuccess;
}

namespace vcell_emulation {

/// Whether a call that queues work finds the stream's device current, as it must.
inline bool is_current(cudaStream_t stream) { return stream->device == current_device(); }

/// Runs f(device), one host thread at a time, unless one of the handles is not one, or no longer.
template <class F, class... Handles>
cudaError_t with_live(F&& f, Handles... handles) {
  Device& device = Device::instance();
  const std::lock_guard lock(device.mutex);
  if (!(device.is_live(handles) && ...)) return cudaErrorInvalidResourceHandle;
  return f(device);
}

/// The same of a stream that is not being recorded: what cannot be part of a graph spoils it.
template <class F, class... Handles>
cudaError_t with_unrecorded(F&& f, Stream* stream, Handles... handles) {
  return with_live(
      [&](Device& device) {
        if (!stream->recording) return f(device);
        stream->is_spoilt = true;
        return cudaErrorStreamCaptureUnsupported;
      },
      stream, handles...);
}

/// Does work in a stream, or records it.
template <class F>
cudaError_t do_or_record(Stream* stream, F work) {
  if (stream->recording) {
    stream->recording->work.push_back([work](Stream& on) { work(Device::instance(), on); });
    return cudaSuccess;
  }
  work(Device::instance(), *stream);
  return cudaSuccess;
}

}  // namespace vcell_emulation

/// A recording may allocate and copy to the host on a real device; vcell's do neither.
inline cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  if (mode != cudaStreamCaptureModeThreadLocal) return cudaErrorInvalidValue;
  return vcell_emulation::with_unrecorded(
      [&](auto&) {
        stream->recording = std::make_unique<vcell_emulation::Graph>();
        stream->is_spoilt = false;
        return cudaSuccess;
      },
      stream);
}
inline cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = nullptr;
  return vcell_emulation::with_live(
      [&](auto& device) {
        if (!stream->recording) return cudaErrorInvalidValue;
        auto recorded = std::move(stream->recording);
        if (stream->is_spoilt) return cudaErrorStreamCaptureInvalidated;
        *graph = device.keep(std::move(recorded));
        return cudaSuccess;
      },
      stream);
}
inline cudaError_t cudaGraphInstantiate(cudaGraphExec_t* made, cudaGraph_t graph,
                                        unsigned long long flags) {
  *made = nullptr;
  if (flags) return cudaErrorInvalidValue;
  return vcell_emulation::with_live(
      [&](auto& device) {
        *made = device.keep(std::make_unique<vcell_emulation::Graph>(*graph));
        return cudaSuccess;
      },
      graph);
}
inline cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return vcell_emulation::with_live(
      [&](auto& device) {
        device.destroy(graph);
        return cudaSuccess;
      },
      graph);
}
inline cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) { return cudaGraphDestroy(graph); }
inline cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) {
  const auto error = vcell_emulation::with_live(
      [&](auto& device) {
        if (!vcell_emulation::is_current(stream)) return cudaErrorInvalidResourceHandle;
        return device.is_live(graph) ? cudaSuccess : cudaErrorInvalidValue;
      },
      stream);
  if (error != cudaSuccess) return error;
  for (const auto& work : graph->work) work(*stream);
  return cudaSuccess;
}

inline cudaError_t cudaMemGetInfo(size_t* free, size_t* all) {
  return vcell_emulation::with_live([&](auto& device) {
    *all = vcell_emulation::device_bytes;
    *free = *all - device.bytes_in_use(vcell_emulation::current_device());
    return vcell_emulation::any_device();
  });
}
inline cudaError_t cudaDeviceSynchronize() {
  return vcell_emulation::with_live([](auto& device) {
    device.wait_for_all();
    return cudaSuccess;
  });
}
inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  if (flags != cudaStreamNonBlocking) return cudaErrorInvalidValue;
  return vcell_emulation::with_live([&](auto& device) {
    *stream = device.make_stream();
    return cudaSuccess;
  });
}
inline cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return vcell_emulation::with_unrecorded(
      [&](auto& device) {
        device.destroy(stream);
        return cudaSuccess;
      },
      stream);
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return vcell_emulation::with_unrecorded(
      [&](auto& device) {
        device.wait_for(*stream);
        return cudaSuccess;
      },
      stream);
}
inline cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  return vcell_emulation::with_unrecorded(
      [&](auto& device) {
        device.wait(*stream, *event);
        return cudaSuccess;
      },
      stream, event);
}
inline cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  if (flags != cudaEventDisableTiming) return cudaErrorInvalidValue;
  return vcell_emulation::with_live([&](auto& device) {
    *event = device.make_event();
    return cudaSuccess;
  });
}
inline cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return vcell_emulation::with_live(
      [&](auto& device) {
        device.destroy(event);
        return cudaSuccess;
      },
      event);
}
inline cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return vcell_emulation::with_unrecorded(
      [&](auto& device) {
        if (event->device != stream->device) return cudaErrorInvalidResourceHandle;
        device.record(*event, *stream);
        return cudaSuccess;
      },
      stream, event);
}
inline cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return vcell_emulation::with_live(
      [&](auto& device) {
        device.wait_for(*event);
        return cudaSuccess;
      },
      event);
}

inline cudaError_t cudaHostAlloc(void** block, size_t bytes, unsigned) {
  *block = ::operator new(bytes, std::nothrow);
  return *block ? cudaSuccess : cudaErrorMemoryAllocation;
}
inline cudaError_t cudaFreeHost(void* block) {
  ::operator delete(block);
  return cudaSuccess;
}

inline cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const cudaMemPoolProps* wanted) {
  if (wanted->allocType != cudaMemAllocationTypePinned ||
      vcell_emulation::that_device(wanted->location.id) != cudaSuccess)
    return cudaErrorInvalidValue;
  return vcell_emulation::with_live([&](auto& device) {
    *pool = device.make_pool(wanted->location.id);
    return cudaSuccess;
  });
}
inline cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr, void* value) {
  return pool && value ? cudaSuccess : cudaErrorInvalidValue;
}
/// Nothing is kept for reuse here, so that AddressSanitizer sees every block that is freed.
inline cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, cudaMemPoolAttr, void* value) {
  return vcell_emulation::with_live([&](auto& device) {
    const uint64_t bytes = device.bytes_in_use(pool->device);
    std::memcpy(value, &bytes, sizeof bytes);
    return cudaSuccess;
  });
}
inline cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, size_t) {
  return pool ? cudaSuccess : cudaErrorInvalidValue;
}

namespace vcell_emulation {
constexpr std::align_val_t block_alignment{256};
}

/// New memory holds bytes 0xff (not-a-number): nobody may count on zeros.
inline cudaError_t cudaMallocFromPoolAsync(void** block, size_t bytes, cudaMemPool_t pool,
                                           cudaStream_t stream) {
  *block = nullptr;
  if (!pool) return cudaErrorInvalidValue;
  return vcell_emulation::with_unrecorded(
      [&](auto& device) {
        if (!vcell_emulation::is_current(stream) || pool->device != stream->device)
          return cudaErrorInvalidResourceHandle;
        if (bytes == 0) return cudaSuccess;
        if (bytes > vcell_emulation::device_bytes) return cudaErrorMemoryAllocation;
        *block = ::operator new(bytes, vcell_emulation::block_alignment, std::nothrow);
        if (!*block) return cudaErrorMemoryAllocation;
        std::memset(*block, 0xff, bytes);
        device.step(*stream);
        device.add_block(*block, bytes, *stream);
        return cudaSuccess;
      },
      stream);
}
inline cudaError_t cudaFreeAsync(void* block, cudaStream_t stream) {
  return vcell_emulation::with_unrecorded(
      [&](auto& device) {
        if (!vcell_emulation::is_current(stream)) return cudaErrorInvalidResourceHandle;
        if (!device.is_block(block)) return cudaErrorInvalidValue;
        device.step(*stream);
        device.note_use(*stream, block, true);
        device.remove_block(block);
        ::operator delete(block, vcell_emulation::block_alignment);
        return cudaSuccess;
      },
      stream);
}
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                                   cudaStream_t stream) {
  const bool to_host = kind == cudaMemcpyDeviceToHost, from_host = kind == cudaMemcpyHostToDevice;
  const auto copy = [=](auto& device, auto& on) {
    device.step(on, to_host || from_host);
    if (from_host && device.on_upload) device.on_upload(on, bytes);
    if (!from_host) device.note_use(on, from, false);
    if (!to_host) device.note_use(on, to, true);
    if (to_host || from_host)
      on.late.push_back([=] { std::memcpy(to, from, bytes); });
    else
      std::memcpy(to, from, bytes);
  };
  const auto check_and_copy = [&](auto& device) {
    if (!vcell_emulation::is_current(stream)) return cudaErrorInvalidResourceHandle;
    if (device.holds(to, bytes) == to_host || device.holds(from, bytes) == from_host)
      return cudaErrorInvalidValue;
    return vcell_emulation::do_or_record(stream, copy);
  };
  return to_host ? vcell_emulation::with_unrecorded(check_and_copy, stream)
                 : vcell_emulation::with_live(check_and_copy, stream);
}
inline cudaError_t cudaMemsetAsync(void* block, int value, size_t bytes, cudaStream_t stream) {
  return vcell_emulation::with_live(
      [&](auto& device) {
        if (!vcell_emulation::is_current(stream)) return cudaErrorInvalidResourceHandle;
        if (!device.holds(block, bytes)) return cudaErrorInvalidValue;
        return vcell_emulation::do_or_record(stream, [=](auto& there, auto& on) {
          there.step(on);
          there.note_use(on, block, true);
          std::memset(block, value, bytes);
        });
      },
      stream);
}
