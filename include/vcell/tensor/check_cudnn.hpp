#pragma once

#include <cudnn.h>

#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"

VCELL_BEGIN_NAMESPACE

/// What cuDNN says of a call that failed: its status, and what it tells of the reason.
inline std::string cudnn_failure(const std::string& call, cudnnStatus_t status) {
  char reason[1024] = {};
  cudnnGetLastErrorString(reason, sizeof reason);
  return message(call, " failed: ", cudnnGetErrorString(status),
                 *reason ? message(" (", reason, ")") : "");
}

/// Turns what a call of cuDNN returned into an error that names it.
/// @param call  in parts for message()
/// @throws CudaError if the call failed
template <class... Parts>
void check_cudnn(cudnnStatus_t status, const Parts&... call) {
  if (status != CUDNN_STATUS_SUCCESS) [[unlikely]]
    throw CudaError(cudnn_failure(message(call...), status));
}

VCELL_END_NAMESPACE
