#pragma once

#include "vcell/kernels/device/platform.cuh"

VCELL_BEGIN_NAMESPACE
namespace device {

/// The sum of the values of the threads before, and of all.
template <class T>
struct Scan {
  T before, total;
};

/// Called by all lanes of a warp.
template <class T>
__device__ Scan<T> warp_scan(T value) {
  const unsigned lane = threadIdx.x % warp_size;
  T up_to = value;  // of the lanes up to this one
  for (unsigned distance = 1; distance < warp_size; distance *= 2) {
    const T other = __shfl_sync(~0u, up_to, int(lane < distance ? lane : lane - distance));
    if (lane >= distance) up_to += other;
  }
  return {T(up_to - value), __shfl_sync(~0u, up_to, int(warp_size - 1))};
}

/// Called by all threads of a block. Holds two barriers, so it may be called again at once.
/// @tparam threads  threads of the block (blockDim.x), a multiple of 32
template <unsigned threads, class T>
__device__ Scan<T> block_scan(T value) {
  static_assert(threads % warp_size == 0);
  constexpr unsigned warps = threads / warp_size;
  VCELL_SHARED(T, of_warp, warps);
  const unsigned warp = threadIdx.x / warp_size;
  const Scan<T> in_warp = warp_scan(value);
  if (threadIdx.x % warp_size == 0) of_warp[warp] = in_warp.total;
  __syncthreads();
  Scan<T> scan{in_warp.before, 0};
  for (unsigned w = 0; w < warps; ++w) {
    const T sum = of_warp[w];
    if (w < warp) scan.before += sum;
    scan.total += sum;
  }
  __syncthreads();  // nobody may write the next call's sums while another still reads these
  return scan;
}

}  // namespace device
VCELL_END_NAMESPACE
