#pragma once

#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// What a kernel says of itself. Kernels never throw: the operation that called one asks here. On
/// the GPU only the launch has been seen by then; what goes wrong while a kernel runs is reported
/// by a later call that waits for it.
struct [[nodiscard]] Status {
  /// Why it did not run, in static storage; null when it did.
  const char* failure = nullptr;
  bool ok() const { return failure == nullptr; }
};

/// @throws CudaError with the name of the operation if its kernel did not run
inline void check_status(const char* function, Status status) {
  if (!status.ok()) [[unlikely]]
    throw CudaError(message(function, ": the kernel did not start: ", status.failure));
}

}  // namespace kernel
VCELL_END_NAMESPACE
