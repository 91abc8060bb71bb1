#pragma once

#include <cublasLt.h>

#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"

VCELL_BEGIN_NAMESPACE

/// What cuBLASLt says of a call that failed.
inline std::string cublas_failure(const char* call, cublasStatus_t status) {
  return message(call, " failed: ", cublasLtGetStatusName(status), " (",
                 cublasLtGetStatusString(status), ")");
}

/// Turns what a call of cuBLASLt returned into an error that names it.
/// @param function  the function of vcell that made the call
/// @throws CudaError if the call failed
inline void check_cublas(const char* function, cublasStatus_t status, const char* call) {
  if (status != CUBLAS_STATUS_SUCCESS) [[unlikely]]
    throw CudaError(message(function, ": ", cublas_failure(call, status)));
}

VCELL_END_NAMESPACE
