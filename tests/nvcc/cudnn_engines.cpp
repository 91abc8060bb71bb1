// The graphs of attention before cuDNN itself, which needs no GPU to say whether it has engines for
// them on one that is described to it.
#include <dlfcn.h>

#include "support/catch.hpp"
#include "vcell/kernels/cudnn_attention_graph.hpp"

namespace {

using namespace vcell;
using vcell_test::contains;

/// What cuDNN knows of an H100, in the form that it writes such a descriptor itself.
constexpr char h100[] = R"({"deviceName": "NVIDIA H100 80GB HBM3", "cudaDeviceId": 0,
  "deviceVer": 900, "driverVer": 13000, "multiProcessorCount": 132,
  "maxSharedMemoryPerBlock": 49152, "maxSharedMemoryPerBlockOptin": 232448,
  "reservedSharedMemoryPerBlock": 1024, "maxRegistersPerSM": 65536, "maxCtasPerSM": 32,
  "totalGlobalMem": 85029158912, "maxGridSize": [2147483647, 65535, 65535],
  "maxBlockSize": [1024, 1024, 64], "regsPerBlock": 65536, "warpSize": 32,
  "maxThreadsPerBlock": 1024, "maxThreadsPerSM": 2048, "pciDeviceId": 9008, "isTccDriver": 0,
  "supportCoopLaunch": 1, "smClockRateKHz": 1980000, "memClockRateKHz": 2619000,
  "l2CacheSize": 52428800})";

/// cuDNN looks for a driver before it offers engines that compile; that of the toolkit for linking
/// will do.
bool has_driver() {
  return dlopen("libcuda.so.1", RTLD_NOW | RTLD_GLOBAL) ||
         dlopen(VCELL_TEST_CUDA_STUB, RTLD_NOW | RTLD_GLOBAL);
}

}  // namespace

TEST_CASE("cudnn engines: a library that cannot be started says why", "[gpu]") {
  cudnnHandle_t handle = nullptr;
  const cudnnStatus_t status = cudnnCreate(&handle);
  if (status == CUDNN_STATUS_SUCCESS) {
    cudnnDestroy(handle);
    VCELL_SKIP("there is a GPU");
  }
  CHECK_THROWS_WITH(check_cudnn(status, "cudnnCreate"),
                    contains("cudnnCreate failed: CUDNN_STATUS_NOT_INITIALIZED (cuda"));
}

TEST_CASE("cudnn engines: attention has one that is no other in every run", "[gpu]") {
  if (!has_driver()) VCELL_SKIP("there is neither a driver nor the toolkit's stand-in for one");
  CudnnDescriptor device(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, "a device's properties");
  try {
    device.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, h100, sizeof h100 - 1).finalize();
  } catch (const CudaError& error) {
    VCELL_SKIP(error.what());  // another version of cuDNN wants to know something else
  }
  const auto ways = [&](const CudnnGraph& graph) {
    size_t count = 0;
    for (const auto& way : CudnnPlan::engines(graph.operation_graph(), device))
      count += CudnnPlan::is_deterministic(way);
    return count;
  };
  for (const bool padded : {false, true})
    for (const int64_t head_dim : {8, 64, 88, 128})
      for (const int64_t cells : {17, 128, 1024}) {
        INFO(cells << " cells, heads of " << head_dim << (padded ? ", padded" : ""));
        const kernel::CudnnAttentionShape n{4, 8, cells, cells, head_dim, padded};
        CHECK(ways(kernel::cudnn_attention_forward(n)) > 0);
        CHECK(ways(kernel::cudnn_attention_backward(n)) > 0);
      }
  // What it has none for: so an answer means something.
  CHECK(ways(kernel::cudnn_attention_forward({4, 8, 128, 128, 84, false})) == 0);
  CHECK(ways(kernel::cudnn_attention_backward({4, 8, 128, 128, 84, false})) == 0);
}
