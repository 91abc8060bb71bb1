// What the tests of CUDA kernels share: they run in the emulation, and built by nvcc on a GPU.
#pragma once

#include <cuda_runtime.h>

#include <string>

namespace vcell_test {

/// Why no kernel can run here; empty when one can.
inline std::string no_device() {
#if defined(VCELL_EMULATE_CUDA)
  return "";
#else
  int devices = 0;
  const cudaError_t error = cudaGetDeviceCount(&devices);
  if (error == cudaSuccess && devices > 0) return "";
  return std::string("no GPU: ") + cudaGetErrorString(error);
#endif
}

/// Runs a check under several orders of blocks and threads; a GPU has its own, so there once.
template <class F>
void in_several_orders(F&& check) {
#if defined(VCELL_EMULATE_CUDA)
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    vcell_emulation::seed() = seed;
    INFO("order " << seed);
    check();
  }
#else
  check();
#endif
}

}  // namespace vcell_test
