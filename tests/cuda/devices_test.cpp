// Which GPUs there are, and several of them in one process.
#include <optional>

#include "support/catch.hpp"
#include "vcell/tensor/devices_cuda.hpp"
//
#include "cuda/support/device.hpp"
#include "vcell/kernels/launch.hpp"
#include "vcell/kernels/softmax.cuh"
#include "vcell/tensor/copy.hpp"
#include "vcell/tensor/memory_cuda.hpp"
#include "vcell/tensor/recording_cuda.hpp"

using namespace vcell;
using vcell_test::contains;

namespace {

/// Two devices, as far as a machine can have or pretend them.
class TwoDevices {
 public:
  bool there() const { return cuda_devices().devices.size() >= 2; }

#if defined(VCELL_EMULATE_CUDA)
 private:
  vcell_emulation::Pretend pretend_{{.devices = 2}};
#endif
};

int current_device() {
  int device = -1;
  REQUIRE(cudaGetDevice(&device) == cudaSuccess);
  return device;
}

Tensor<float, 2> rows() {
  Tensor<float, 2> x({3, 4});
  for (size_t i = 0; i < x.count(); ++i) x.data()[i] = float(i % 5);
  return x;
}

}  // namespace

TEST_CASE("cuda devices: name, capability and memory of each", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const CudaDevices found = cuda_devices();
  CHECK(found.reason.empty());
  CHECK(found.runtime >= 12000);
  CHECK(found.driver >= found.runtime / 1000 * 1000);
  REQUIRE(!found.devices.empty());
  for (size_t i = 0; i < found.devices.size(); ++i) {
    const CudaDevice& device = found.devices[i];
    CHECK(device.number == int(i));
    CHECK(!device.name.empty());
    CHECK(device.capability >= 50);
    CHECK(device.memory > (size_t(1) << 28));
    REQUIRE(device.free_memory);
    CHECK(*device.free_memory <= device.memory);
  }
  CHECK(current_device() == 0);
}

TEST_CASE("cuda devices: without one there is the reason", "[cuda]") {
  if (vcell_test::no_device().empty()) VCELL_SKIP("a device is there");
  const CudaDevices found = cuda_devices();
  CHECK(found.devices.empty());
  CHECK_THAT(found.reason, contains("driver"));
}

TEST_CASE("cuda devices: versions in words", "[cuda]") {
  CHECK(cuda_version_text(13000) == "13.0");
  CHECK(cuda_version_text(12080) == "12.8");
}

#if defined(VCELL_EMULATE_CUDA)
TEST_CASE("cuda devices: no driver, an old one, and no GPU", "[cuda]") {
  using vcell_emulation::Pretend;
  const std::pair<vcell_emulation::Machine, const char*> machines[] = {
      {{.devices = 0, .driver = 0}, "there is no NVIDIA driver"},
      {{.devices = 1, .driver = 12020},
       "the NVIDIA driver is of CUDA 12.2 and the program of CUDA 13.0"},
      {{.devices = 0}, "the NVIDIA driver shows no GPU to this process"}};
  for (const auto& [machine, reason] : machines) {
    const Pretend pretend(machine);
    const CudaDevices found = cuda_devices();
    CHECK(found.devices.empty());
    CHECK(found.driver == machine.driver);
    CHECK(found.runtime == 13000);
    CHECK_THAT(found.reason, contains(reason));
    CHECK_THROWS_AS(Context<Cuda>(), CudaError);
    CHECK_THROWS_WITH(Context<Cuda>(0), contains("this machine has no NVIDIA GPU"));
  }
}

TEST_CASE("cuda devices: memory in use is not free", "[cuda]") {
  const size_t before = *cuda_devices().devices[0].free_memory;
  const Tensor<float, 1, Cuda> x({1000});
  CHECK(before - *cuda_devices().devices[0].free_memory == 4000);
}
#endif

TEST_CASE("cuda devices: a context of a device that is not there", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  CHECK_THROWS_WITH(Context<Cuda>(1000), contains("Context<Cuda>: cudaSetDevice(1000) failed: ") &&
                                             contains("cudaErrorInvalidDevice"));
  CHECK_THROWS_AS(Context<Cuda>(-1), CudaError);
  CHECK(current_device() == 0);
}

TEST_CASE("cuda devices: work goes to its context's device, whichever is current", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const TwoDevices two;
  if (!two.there()) VCELL_SKIP("there is one device");
  const auto x = rows();
  Tensor<float, 2> expected(x.shape());
  kernel::forward<kernel::Softmax, Cpu>("test", x.view(), expected.view());

  const Context<Cuda> first(0), second(1);
  CHECK(first.device() == 0);
  CHECK(second.device() == 1);
  CHECK(first.memory_pool() != second.memory_pool());
  std::optional<Tensor<float, 2, Cuda>> kept;
  for (const Context<Cuda>* context : {&second, &first, &second}) {
    const UseContext use(*context);
    auto y = to_device<Cuda>(x);
    auto z = Tensor<float, 2, Cuda>(x.shape());
    kernel::forward<kernel::Softmax, Cuda>("test", std::as_const(y).view(), z.view());
    const auto copy = z;
    Recording<Cuda> again(*context);
    for (int i = 0; i < 3; ++i)
      again.run([&] { kernel::forward<kernel::Softmax, Cuda>("test", copy.view(), z.view()); });
    CHECK(again.is_recorded());
    const auto found = to_host(copy.view());
    for (size_t i = 0; i < found.count(); ++i)
      CHECK(std::abs(found.data()[i] - expected.data()[i]) < 1e-6f);
    context->synchronize();
    Memory<Cuda>::release_cache();
    CHECK(current_device() == 0);
    kept = std::move(z);
  }
  kept.reset();  // freed in its own context, while another is current
  CHECK(current_device() == 0);
}

TEST_CASE("cuda devices: contexts of two devices wait for each other", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const TwoDevices two;
  if (!two.there()) VCELL_SKIP("there is one device");
  const Context<Cuda> first(0), second(1);
  second.wait_for(first);
  first.wait_for(second);
  second.synchronize();
  CHECK(current_device() == 0);
}

TEST_CASE("cuda devices: a thread's own context is of the device that was current", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const TwoDevices two;
  if (!two.there()) VCELL_SKIP("there is one device");
  REQUIRE(cudaSetDevice(1) == cudaSuccess);
  const Context<Cuda> here;
  CHECK(here.device() == 1);
  {
    const Context<Cuda> first(0);
    const UseContext use(first);
    CHECK(to_host(to_device<Cuda>(rows()).view())(0, 1) == 1);
    CHECK(current_device() == 1);
  }
  REQUIRE(cudaSetDevice(0) == cudaSuccess);
}

#if defined(VCELL_EMULATE_CUDA)
TEST_CASE("cuda devices: memory of another device is found out", "[cuda]") {
  const TwoDevices two;
  const Context<Cuda> first(0), second(1);
  void* const there = Memory<Cuda>::allocate(second, 16);
  void* const here = Memory<Cuda>::allocate(first, 16);
  CHECK_THROWS_WITH(Memory<Cuda>::zero(first, there, 16), contains("memory of device 1"));
  CHECK_THROWS_WITH(Memory<Cuda>::copy(first, here, there, 16), contains("memory of device 1"));
  Memory<Cuda>::deallocate(second, there, 16);
  Memory<Cuda>::deallocate(first, here, 16);
}

TEST_CASE("cuda devices: what is queued while another is current is refused", "[cuda]") {
  const TwoDevices two;
  const Context<Cuda> second(1);
  void* const there = Memory<Cuda>::allocate(second, 16);
  CHECK(cudaMemsetAsync(there, 0, 16, second.stream()) == cudaErrorInvalidResourceHandle);
  CHECK(cudaFreeAsync(there, second.stream()) == cudaErrorInvalidResourceHandle);
  Memory<Cuda>::deallocate(second, there, 16);
}
#endif
