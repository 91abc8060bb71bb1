#pragma once

#include <cudnn.h>

#include <map>
#include <mutex>

#include "vcell/tensor/context_cuda.hpp"
#include "vcell/tensor/cudnn_graph.hpp"

#if CUDNN_VERSION < 90800
#error "vcell: cuDNN 9.8 or newer is needed, whose plans are made for a device's properties"
#endif

VCELL_BEGIN_NAMESPACE

/// A handle of cuDNN that works in the stream of a context.
class CudnnHandle {
 public:
  /// @throws CudaError if cuDNN cannot be started, or the library is older than its header
  explicit CudnnHandle(const Context<Cuda>& context) : device_(context.device()) {
    if (context.kept_work() && context.kept_work()->is_recording())
      throw CudaError(
          "CudnnHandle: the first use of cuDNN in a context, in work that is recorded; the run "
          "before had none");
    if (cudnnGetVersion() < 90800)
      throw CudaError(message("CudnnHandle: the library of cuDNN is of version ", cudnnGetVersion(),
                              ", expected at least 90800; see LD_LIBRARY_PATH"));
    const detail::OnCudaDevice there("CudnnHandle", device_);
    check_cudnn(cudnnCreate(&handle_), "CudnnHandle: cudnnCreate");
    try {
      check_cudnn(cudnnSetStream(handle_, context.stream()), "CudnnHandle: cudnnSetStream");
      properties_.set(CUDNN_ATTR_DEVICEPROP_HANDLE, handle_).finalize();
    } catch (...) {
      cudnnDestroy(handle_);
      throw;
    }
  }
  ~CudnnHandle() {
    const detail::OnCudaDevice there(device_);
    cudnnDestroy(handle_);
  }
  CudnnHandle(const CudnnHandle&) = delete;
  CudnnHandle& operator=(const CudnnHandle&) = delete;

  /// Of its device.
  const CudnnDescriptor& properties() const { return properties_; }
  int device() const { return device_; }

  /// Where each tensor of a graph lies, by its number: on the device, or on the host if it is a
  /// scalar, which is read at once.
  using Places = std::map<int64_t, void*>;

  /// Queues a plan. One thread at a time.
  /// @param workspace  of as many bytes as the plan says
  /// @throws CudaError
  void execute(const CudnnPlan& plan, const Places& places, void* workspace) {
    std::vector<int64_t> ids;
    std::vector<void*> addresses;
    for (const auto& [id, address] : places) {
      ids.push_back(id);
      addresses.push_back(address);
    }
    const detail::OnCudaDevice there("CudnnHandle", device_);
    CudnnDescriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, "a variant pack");
    pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, ids.data(), ids.size())
        .set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, addresses.data(), addresses.size())
        .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, workspace)
        .finalize();
    check_cudnn(cudnnBackendExecute(handle_, plan.get(), pack.get()), "cudnnBackendExecute");
  }

 private:
  int device_;
  cudnnHandle_t handle_ = nullptr;
  CudnnDescriptor properties_{CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, "a device's properties"};
};

VCELL_END_NAMESPACE
