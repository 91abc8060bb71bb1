#pragma once

#include "vcell/kernels/device/platform.cuh"

VCELL_BEGIN_NAMESPACE
namespace device {

/// Adds up, half by half, what the threads of a block with one threadIdx.x have in sum[k]. Called
/// by all threads of the block; the totals are those of the threads with threadIdx.y = 0. May be
/// called again at once: a thread writes nothing first but what only it has read since the last
/// barrier.
/// @param lane  an array in shared memory of `sums` elements for each thread of the block, of whose
///              rows (blockDim.y) there are a power of two
template <size_t sums, class T, class Lanes>
__device__ void sum_over_y(T (&sum)[sums], Lanes& lane) {
  const unsigned width = blockDim.x, threads = width * blockDim.y;
  const unsigned me = threadIdx.y * width + threadIdx.x;
  for (size_t k = 0; k < sums; ++k) lane[k * threads + me] = sum[k];
  __syncthreads();
  for (unsigned half = blockDim.y / 2; half; half /= 2) {
    if (threadIdx.y < half)
      for (size_t k = 0; k < sums; ++k) {
        const size_t at = k * threads + me;
        const T other = lane[at + half * width];
        lane[at] += other;
      }
    __syncthreads();
  }
  for (size_t k = 0; k < sums; ++k) sum[k] = lane[k * threads + me];
}

}  // namespace device
VCELL_END_NAMESPACE
