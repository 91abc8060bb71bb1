// Tensors on the GPU.
#include "support/catch.hpp"
#include "vcell/tensor/memory_cuda.hpp"
//
#include "cuda/support/device.hpp"
#include "vcell/tensor/copy.hpp"

using namespace vcell;

TEST_CASE("cuda memory: a tensor goes to the GPU and back", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  Tensor<float, 2> x({3, 5});
  for (size_t i = 0; i < x.count(); ++i) x.data()[i] = float(i);
  const auto there = to_device<Cuda>(x);
  const auto copy = there;  // an independent copy
  const auto back = to_host(copy.view());
  REQUIRE(back.shape() == x.shape());
  CHECK(std::equal(back.values().begin(), back.values().end(), x.values().begin()));
}

TEST_CASE("cuda memory: a new tensor is zero, an empty one has no elements", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const Tensor<double, 1, Cuda> zeros({100}), none({0});
  const auto back = to_host(zeros.view());
  for (const double v : back.values()) CHECK(v == 0);
  CHECK(to_host(none.view()).count() == 0);
}

TEST_CASE("cuda memory: the host's bytes are taken at the call and there after it", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto& context = current_context<Cuda>();
  double bytes[3] = {1, 2, 3}, back[3] = {};
  void* const block = Memory<Cuda>::allocate(context, sizeof bytes);
  Memory<Cuda>::upload(context, block, bytes, sizeof bytes);
  bytes[1] = 7;
  Memory<Cuda>::download(context, back, block, sizeof bytes);
  CHECK(back[0] == 1);
  CHECK(back[1] == 2);
  CHECK(back[2] == 3);
  Memory<Cuda>::deallocate(context, block, sizeof bytes);
}

TEST_CASE("cuda memory: an upload of several rings, one beside another", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  using Staging = detail::CudaStaging;
  const auto& context = current_context<Cuda>();
  std::vector<uint32_t> values(Staging::piece_bytes * (2 * Staging::pieces + 3) / 4 + 7);
  for (size_t i = 0; i < values.size(); ++i) values[i] = uint32_t(i);
  const auto expected = values;
  const size_t bytes = values.size() * 4;
  void* const block = Memory<Cuda>::allocate(context, bytes + 4);
  Memory<Cuda>::upload(context, block, values.data(), bytes);
  const uint32_t last = 77;
  Memory<Cuda>::upload(context, static_cast<char*>(block) + bytes, &last, 4);
  values.assign(values.size() + 1, 5);
  Memory<Cuda>::download(context, values.data(), block, bytes + 4);
  CHECK(std::equal(expected.begin(), expected.end(), values.begin()));
  CHECK(values.back() == 77);
  Memory<Cuda>::deallocate(context, block, bytes + 4);
}

TEST_CASE("cuda memory: a call that fails names itself and the function", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto& context = current_context<Cuda>();
  float host[2] = {1, 2};
  CHECK_THROWS_WITH(Memory<Cuda>::zero(context, host, 8),
                    "Memory<Cuda>::zero: cudaMemsetAsync of 8 bytes failed: invalid argument "
                    "(cudaErrorInvalidValue)");
}

TEST_CASE("cuda memory: an allocation that cannot be had names its size", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  CHECK_THROWS_AS(Memory<Cuda>::allocate(current_context<Cuda>(), size_t(1) << 60), CudaError);
  CHECK_THROWS_WITH(Memory<Cuda>::allocate(current_context<Cuda>(), size_t(1) << 60),
                    "Memory<Cuda>::allocate: cudaMallocFromPoolAsync of 1152921504606846976 bytes "
                    "failed: out of memory (cudaErrorMemoryAllocation)");
}

TEST_CASE("cuda memory: so much is free", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const size_t before = Memory<Cuda>::free_bytes();
  CHECK(before > size_t(1) << 27);
  const Tensor<char, 1, Cuda> x({size_t(1) << 26});
  current_context<Cuda>().synchronize();
  CHECK(Memory<Cuda>::free_bytes() <= before);
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
  CHECK_THROWS_AS((Tensor<float, 1, Cuda>({4})), CudaError);
  CHECK_THROWS_WITH((Tensor<float, 1, Cuda>({4})),
                    vcell_test::contains("this machine has no NVIDIA GPU"));
}
