#pragma once

#include "vcell/kernels/device/platform.cuh"

VCELL_BEGIN_NAMESPACE
namespace device {

/// The sum of the values of the threads before the calling one in its block, and that of all.
/// Called by all threads of the block. Holds two barriers, so it may be called again at once.
/// @tparam threads  threads of the block (blockDim.x), a multiple of 32
template <unsigned threads>
__device__ uint32_t block_prefix(uint32_t value, uint32_t& total) {
  static_assert(threads % warp_size == 0);
  constexpr unsigned warps = threads / warp_size;
  VCELL_SHARED(uint32_t, sums, warps);
  const unsigned lane = threadIdx.x % warp_size, warp = threadIdx.x / warp_size;
  uint32_t upto = value;
  for (unsigned distance = 1; distance < warp_size; distance *= 2) {
    const uint32_t before = __shfl_sync(~0u, upto, int(lane >= distance ? lane - distance : lane));
    if (lane >= distance) upto += before;
  }
  if (lane == warp_size - 1) sums[warp] = upto;
  __syncthreads();
  uint32_t prefix = upto - value;
  total = 0;
  for (unsigned w = 0; w < warps; ++w) {
    const uint32_t sum = sums[w];
    if (w < warp) prefix += sum;
    total += sum;
  }
  __syncthreads();  // nobody may write the next call's sums while another still reads these
  return prefix;
}

}  // namespace device
VCELL_END_NAMESPACE
