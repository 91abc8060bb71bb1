#pragma once

#include <cstdint>

#include "vcell/kernels/device/platform.cuh"

VCELL_BEGIN_NAMESPACE
namespace device {

/// a / b of whole numbers, in 32 bits where both have no more: a division of 64 is a function of
/// many instructions.
__device__ inline size_t divide(size_t a, size_t b) {
  return ((a | b) >> 32) == 0 ? uint32_t(a) / uint32_t(b) : a / b;
}

}  // namespace device
VCELL_END_NAMESPACE
