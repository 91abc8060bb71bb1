#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vcell/tensor/on_device_cuda.hpp"

VCELL_BEGIN_NAMESPACE

/// A GPU that this process may use.
struct CudaDevice {
  int number = 0;  ///< as Context<Cuda> takes it
  std::string name;
  int capability = 0;  ///< 10 major + minor: 90 for compute capability 9.0
  size_t memory = 0;   ///< bytes
  std::optional<size_t>
      free_memory;  ///< bytes; nothing where the GPU takes no work of this process
};

/// The GPUs of this machine, or why there is none.
struct CudaDevices {
  std::vector<CudaDevice> devices;
  std::string reason;  ///< why there is none, and how that is mended; empty where there is one
  int driver = 0;      ///< newest version of CUDA that the driver knows, 1000 major + 10 minor;
                       ///< 0: there is no driver
  int runtime = 0;     ///< version of the CUDA runtime that the program has, the same
};

/// "13.0" of a version as CudaDevices has it.
inline std::string cuda_version_text(int version) {
  return message(version / 1000, '.', version % 1000 / 10);
}

namespace detail {

/// @throws CudaError
inline CudaDevice cuda_device(int number) {
  constexpr const char* function = "cuda_devices";
  cudaDeviceProp found{};
  check_cuda(function, cudaGetDeviceProperties(&found, number), "cudaGetDeviceProperties of ",
             number);
  CudaDevice out{.number = number,
                 .name = found.name,
                 .capability = 10 * found.major + found.minor,
                 .memory = found.totalGlobalMem,
                 .free_memory = {}};
  const OnCudaDevice there(number);
  size_t free = 0, all = 0;
  if (there.error() == cudaSuccess && cudaMemGetInfo(&free, &all) == cudaSuccess)
    out.free_memory = free;
  else
    cudaGetLastError();  // another process may have it for itself
  return out;
}

}  // namespace detail

/// Lists the GPUs. A machine without one, without a driver, or with one that is too old is no
/// error: the list is empty then, and has the reason. Asking how much memory is free starts CUDA on
/// every GPU, which takes a while and some of its memory.
/// @throws CudaError if a GPU that the driver counts does not tell what it is
inline CudaDevices cuda_devices() {
  CudaDevices out;
  // Neither asks for a GPU; without a driver its version is 0.
  if (cudaDriverGetVersion(&out.driver) != cudaSuccess) cudaGetLastError();
  if (cudaRuntimeGetVersion(&out.runtime) != cudaSuccess) cudaGetLastError();
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaSuccess && count > 0) {
    for (int i = 0; i < count; ++i) out.devices.push_back(detail::cuda_device(i));
    return out;
  }
  if (error != cudaSuccess) cudaGetLastError();
  if (out.driver == 0)
    out.reason =
        "there is no NVIDIA driver; install one where there is a GPU (nvidia-smi shows it)";
  else if (error == cudaErrorInsufficientDriver)
    out.reason = message("the NVIDIA driver is of CUDA ", cuda_version_text(out.driver),
                         " and the program of CUDA ", cuda_version_text(out.runtime),
                         ", which it is too old for; install a newer driver");
  else if (error == cudaSuccess || error == cudaErrorNoDevice)
    out.reason =
        "the NVIDIA driver shows no GPU to this process; see nvidia-smi, and "
        "CUDA_VISIBLE_DEVICES, which hides those that it does not name";
  else
    out.reason = message("cudaGetDeviceCount failed: ", cudaGetErrorString(error), " (",
                         cudaGetErrorName(error), ")");
  return out;
}

VCELL_END_NAMESPACE
