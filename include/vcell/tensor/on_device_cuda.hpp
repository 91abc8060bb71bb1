#pragma once

#include "vcell/tensor/check_cuda.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// While it lives, a device is the thread's current one, as CUDA wants it of whoever starts a
/// kernel, copies or makes an event; then that of before is again. Where it is current already, it
/// costs a look.
class OnCudaDevice {
 public:
  /// Does not throw: error() says whether the device is current.
  explicit OnCudaDevice(int device) noexcept {
    error_ = cudaGetDevice(&before_);
    if (error_ != cudaSuccess || before_ == device) return;
    error_ = cudaSetDevice(device);
    changed_ = error_ == cudaSuccess;
  }
  /// @param function  who asks, for the message
  /// @throws CudaError
  OnCudaDevice(const char* function, int device) : OnCudaDevice(device) {
    check_cuda(function, error_, "cudaSetDevice(", device, ")");
  }
  ~OnCudaDevice() {
    if (changed_ && cudaSetDevice(before_) != cudaSuccess) cudaGetLastError();
  }
  OnCudaDevice(const OnCudaDevice&) = delete;
  OnCudaDevice& operator=(const OnCudaDevice&) = delete;

  cudaError_t error() const { return error_; }

 private:
  int before_ = 0;
  cudaError_t error_ = cudaSuccess;
  bool changed_ = false;
};

}  // namespace detail
VCELL_END_NAMESPACE
