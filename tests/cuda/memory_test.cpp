// Tensors on the GPU.
#include "support/catch.hpp"
#include "vcell/tensor/memory_cuda.hpp"
//
#include "cuda/support/device.hpp"
#include "vcell/tensor/copy_cuda.hpp"

using namespace vcell;

TEST_CASE("cuda memory: a tensor goes to the GPU and back", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  Tensor<float, 2> x({3, 5});
  for (size_t i = 0; i < x.count(); ++i) x.data()[i] = float(i);
  const auto there = to_cuda(x.view());
  const auto copy = there;  // an independent copy
  const auto back = to_cpu(copy);
  REQUIRE(back.shape() == x.shape());
  CHECK(std::equal(back.values().begin(), back.values().end(), x.values().begin()));
}

TEST_CASE("cuda memory: a new tensor is zero, an empty one has no elements", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const Tensor<double, 1, Cuda> zeros({100}), none({0});
  for (const double v : to_cpu(zeros).values()) CHECK(v == 0);
  CHECK(to_cpu(none).count() == 0);
}

TEST_CASE("cuda memory: an allocation that cannot be had names its size", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  CHECK_THROWS_AS(Memory<Cuda>::allocate(size_t(1) << 60), CudaError);
  CHECK_THROWS_WITH(Memory<Cuda>::allocate(size_t(1) << 60),
                    "Memory<Cuda>::allocate: cudaMallocFromPoolAsync of 1152921504606846976 bytes "
                    "failed: out of memory (cudaErrorMemoryAllocation)");
}

TEST_CASE("cuda memory: what is freed is kept until it is released", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  { const Tensor<float, 1, Cuda> x({1000}); }
#if !defined(VCELL_EMULATE_CUDA)  // which keeps nothing, so that AddressSanitizer sees every free
  CHECK(Memory<Cuda>::cached_bytes() >= 1000 * sizeof(float));
#endif
  Memory<Cuda>::release_cache();
  CHECK(Memory<Cuda>::cached_bytes() == 0);
}

TEST_CASE("cuda memory: without a GPU the error says so", "[cuda]") {
  if (vcell_test::no_device().empty()) VCELL_SKIP("a device is there");
  CHECK_THROWS_AS(Memory<Cuda>::allocate(4), CudaError);
  CHECK_THROWS_WITH(Memory<Cuda>::allocate(4),
                    vcell_test::contains("this machine has no NVIDIA GPU"));
}
