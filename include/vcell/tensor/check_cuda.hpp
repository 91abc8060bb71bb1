#pragma once

#include <cuda_runtime_api.h>

#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"

VCELL_BEGIN_NAMESPACE

/// Turns what a call of the CUDA runtime returned into an error that names it.
/// @param function  the function of vcell that made the call
/// @param call      the call and what it was asked for, in parts for message()
/// @throws CudaError if the call failed
template <class... Parts>
void check_cuda(const char* function, cudaError_t error, const Parts&... call) {
  if (error == cudaSuccess) [[likely]]
    return;
  const bool no_gpu = error == cudaErrorNoDevice || error == cudaErrorInsufficientDriver;
  cudaGetLastError();  // reported here, so the next launch must not report it again
  throw CudaError(message(function, ": ", call..., " failed: ", cudaGetErrorString(error), " (",
                          cudaGetErrorName(error), ")",
                          no_gpu ? "; this machine has no NVIDIA GPU, or no driver that fits: see "
                                   "nvidia-smi, or compute on Cpu tensors"
                                 : ""));
}

VCELL_END_NAMESPACE
