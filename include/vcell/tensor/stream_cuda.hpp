#pragma once

#include "vcell/tensor/check_cuda.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// A stream of the device that is current when it is made, apart from the default one: neither
/// waits for the other. What is queued in it when it goes is still done.
class CudaStream {
 public:
  /// @param function  who asks, for the message
  /// @throws CudaError
  explicit CudaStream(const char* function) {
    check_cuda(function, cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking),
               "cudaStreamCreateWithFlags");
  }
  ~CudaStream() {
    // Whoever owns one in static storage may come after the driver has gone.
    if (cudaStreamDestroy(stream_) != cudaSuccess) cudaGetLastError();
  }
  CudaStream(const CudaStream&) = delete;
  CudaStream& operator=(const CudaStream&) = delete;

  cudaStream_t get() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

/// A point in a stream that others wait for; it takes no times.
class CudaEvent {
 public:
  /// @param function  who asks, for the message
  /// @throws CudaError
  explicit CudaEvent(const char* function) {
    check_cuda(function, cudaEventCreateWithFlags(&event_, cudaEventDisableTiming),
               "cudaEventCreateWithFlags");
  }
  ~CudaEvent() {
    if (cudaEventDestroy(event_) != cudaSuccess) cudaGetLastError();
  }
  CudaEvent(const CudaEvent&) = delete;
  CudaEvent& operator=(const CudaEvent&) = delete;

  cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

}  // namespace detail
VCELL_END_NAMESPACE
