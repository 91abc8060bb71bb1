#pragma once

#include "vcell/kernels/device/platform.cuh"

VCELL_BEGIN_NAMESPACE
namespace device {

/// Blocks for so many pieces of work, one each; a kernel takes what is beyond the grid in turn.
inline dim3 grid_for(size_t pieces) {
  constexpr size_t most = 1 << 16;  // more than any device holds at a time
  return dim3{unsigned(pieces < most ? pieces : most)};
}

/// Threads of a block whose threads have nothing to do with each other.
constexpr unsigned each_threads = 256;

/// Blocks of them for n elements.
inline dim3 grid_for_each(size_t n) { return grid_for(n / each_threads + (n % each_threads != 0)); }

/// Calls f(i) for 0 .. n - 1, each in one thread of the grid. Threads side by side get elements
/// side by side, so that their accesses come together.
template <class F>
__device__ void for_each(size_t n, F f) {
  const size_t step = size_t(gridDim.x) * blockDim.x;
  for (size_t i = size_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += step) f(i);
}

/// Adds or assigns, decided by the compiler.
template <bool accumulate, class T>
__device__ void put(T& to, T value) {
  if constexpr (accumulate)
    to += value;
  else
    to = value;
}

}  // namespace device
VCELL_END_NAMESPACE
