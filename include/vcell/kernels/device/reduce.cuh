#pragma once

#include "vcell/kernels/device/platform.cuh"

VCELL_BEGIN_NAMESPACE
namespace device {

struct Sum {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};

/// The larger one.
struct Max {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return b > a ? b : a;
  }
};

/// The values of the 32 lanes of a warp, combined. Called by all lanes of the warp; the result is
/// valid, and the same, in every lane.
template <class T, class Combine>
__device__ T warp_reduce(T value, Combine combine) {
  for (unsigned offset = warp_size / 2; offset; offset /= 2)
    value = combine(value, __shfl_xor_sync(~0u, value, int(offset)));
  return value;
}

/// The values of all threads of a block, combined in one fixed order: warp by warp, then the warps.
/// Called by all threads of the block; the result is valid, and the same, in every thread. Holds
/// two barriers, so it may be called again at once, and what was written to shared or global memory
/// before it is seen by the whole block after it.
/// @tparam threads  threads of the block (blockDim.x), a multiple of 32
template <unsigned threads, class T, class Combine>
__device__ T block_reduce(T value, Combine combine) {
  static_assert(threads % warp_size == 0);
  constexpr unsigned warps = threads / warp_size;
  VCELL_SHARED(T, partial, warps);
  value = warp_reduce(value, combine);
  if (threadIdx.x % warp_size == 0) partial[threadIdx.x / warp_size] = value;
  __syncthreads();
  T total = partial[0];
  for (unsigned w = 1; w < warps; ++w) {
    const T other = partial[w];
    total = combine(total, other);
  }
  __syncthreads();  // nobody may write the next call's values while another still reads these
  return total;
}

}  // namespace device
VCELL_END_NAMESPACE
