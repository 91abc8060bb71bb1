#pragma once

// What a kernel may use, whoever compiles it: nvcc for the device, or in tests a host compiler that
// runs the very same source on the CPU (VCELL_EMULATE_CUDA, with tests/cuda/emulation/toolkit
// standing in for the CUDA toolkit). Beside what is named here: arithmetic, threadIdx, blockIdx,
// blockDim and gridDim, __syncthreads, __syncwarp and the __shfl_*_sync family.
#if !defined(__CUDACC__) && !defined(VCELL_EMULATE_CUDA)
#error "vcell: a .cuh file needs nvcc; a .cpp file includes the .hpp beside it"
#endif

#include <cuda_runtime.h>

#include <cstddef>

#include "vcell/core/device.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/tensor/context_cuda.hpp"

#if defined(__CUDACC__)  // the stand-in brings its own of these

/// An array in shared memory, one for all threads of the block: VCELL_SHARED(float, tile, 32 * 33);
/// An element is read into a variable of its own type before it is used.
#define VCELL_SHARED(T, name, count) __shared__ T name[count]

/// Before a loop over an array that is to stay in registers: its length is known to the compiler.
#define VCELL_UNROLL _Pragma("unroll")

VCELL_BEGIN_NAMESPACE
namespace device::detail {

template <class... P>
cudaError_t launch_kernel(void (*kernel)(P...), dim3 grid, dim3 block, cudaStream_t stream,
                          P... arguments) {
  kernel<<<grid, block, 0, stream>>>(arguments...);
  return cudaGetLastError();
}

}  // namespace device::detail
VCELL_END_NAMESPACE

/// Before a loop of few turns whose arrays stay in registers only where it is unrolled.
#define VCELL_UNROLL _Pragma("unroll")
/// Before a loop whose body is so long that one copy of it is enough.
#define VCELL_ROLLED _Pragma("unroll 1")
/// A kernel whose blocks have so many threads, of which a processor of the device is to have so
/// many blocks at a time: what bounds its registers.
#define VCELL_KERNEL_FOR(threads, blocks) VCELL_KERNEL __launch_bounds__(threads, blocks)
#else
#define VCELL_UNROLL
#define VCELL_ROLLED
#define VCELL_KERNEL_FOR(threads, blocks) VCELL_KERNEL
#endif

/// A kernel: of this library alone, so that two libraries with vcell inside do not share one.
#define VCELL_KERNEL __attribute__((visibility("hidden"))) __global__

VCELL_BEGIN_NAMESPACE
namespace device {

constexpr unsigned warp_size = 32;

/// Starts a kernel on the stream of a context, without waiting for it.
/// @param grid   blocks, at least one along each axis
/// @param block  threads of a block
template <class... P, class... A>
kernel::Status launch(const Context<Cuda>& context, void (*function)(P...), dim3 grid, dim3 block,
                      A... arguments) {
  const vcell::detail::OnCudaDevice there(context.device());
  if (there.error() != cudaSuccess) return {cudaGetErrorString(there.error())};
  const cudaError_t error = detail::launch_kernel<P...>(function, grid, block, context.stream(),
                                                        static_cast<P>(arguments)...);
  if (error == cudaSuccess) return {};
  return {cudaGetErrorString(error)};
}

}  // namespace device
VCELL_END_NAMESPACE
