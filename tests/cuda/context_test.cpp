// Streams of the GPU, and that buffers keep to theirs.
#include "support/catch.hpp"
#include "vcell/tensor/memory_cuda.hpp"
//
#include <thread>

#include "cuda/support/device.hpp"
#include "vcell/tensor/copy.hpp"

using namespace vcell;

namespace {

Tensor<float, 1> count_up(size_t n) {
  Tensor<float, 1> x({n});
  for (size_t i = 0; i < n; ++i) x[i] = float(i);
  return x;
}

}  // namespace

TEST_CASE("cuda context: a handle, copies are the same stream", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const Context<Cuda> a, b;
  const auto copy = a;
  CHECK(a.stream() == copy.stream());
  CHECK(a.stream() != b.stream());
  CHECK(a.stream() != nullptr);
  CHECK(a.memory_pool() == b.memory_pool());
  CHECK(a.device() == 0);
  CHECK(current_context<Cuda>().stream() == current_context<Cuda>().stream());
}

TEST_CASE("cuda context: the precision of products", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  CHECK(Context<Cuda>().precision() == Precision::float32);
  CHECK(current_context<Cuda>().precision() == Precision::float32);
  const Context<Cuda> tf32(Precision::tf32), coarse(Precision::bfloat16);
  CHECK(tf32.precision() == Precision::tf32);
  CHECK(Context<Cuda>(coarse).precision() == Precision::bfloat16);
  const UseContext use(tf32);
  CHECK(current_context<Cuda>().precision() == Precision::tf32);
}

TEST_CASE("cuda context: every thread has one of its own", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const cudaStream_t mine = current_context<Cuda>().stream();
  cudaStream_t other = nullptr;
  Tensor<float, 1, Cuda> x;
  std::thread([&] {
    other = current_context<Cuda>().stream();
    x = to_device<Cuda>(count_up(10));
    current_context<Cuda>().synchronize();  // the upload is queued there
  }).join();
  CHECK(other != nullptr);
  CHECK(other != mine);
  // The thread has gone with its context; its tensor still has it to be freed in.
  CHECK(to_host(x.view())[9] == 9);
}

TEST_CASE("cuda context: UseContext", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const cudaStream_t before = current_context<Cuda>().stream();
  {
    const Context<Cuda> loading;
    const UseContext use(loading);
    CHECK(current_context<Cuda>().stream() == loading.stream());
  }
  CHECK(current_context<Cuda>().stream() == before);
}

TEST_CASE("cuda context: a buffer keeps its context", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto& before = current_context<Cuda>();
#if defined(VCELL_EMULATE_CUDA)
  auto& device = vcell_emulation::Device::instance();
  const size_t streams = device.live_streams(), events = device.live_events();
  const size_t bytes = device.bytes_in_use();
#endif
  Tensor<float, 1, Cuda> x;
  {
    const Context<Cuda> gone;
    const UseContext use(gone);
    x = to_device<Cuda>(count_up(100));
    before.wait_for(gone);
  }
#if defined(VCELL_EMULATE_CUDA)
  CHECK(device.live_streams() == streams + 1);
  CHECK(device.live_events() > events);
#endif
  CHECK(to_host(x.view())[99] == 99);
  x = {};
#if defined(VCELL_EMULATE_CUDA)  // all goes with the last that needs it
  CHECK(device.live_streams() == streams);
  CHECK(device.live_events() == events);
  CHECK(device.bytes_in_use() == bytes);
#endif
}

TEST_CASE("cuda context: wait_for orders the work of two", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const Context<Cuda> first, second;
  const auto x = [&] {
    const UseContext use(first);
    auto made = Tensor<float, 1, Cuda>({1 << 20});
    const auto ones = to_device<Cuda>(count_up(1 << 20));
    Memory<Cuda>::copy(first, made.data(), ones.data(), made.count() * sizeof(float));
    return made;
  }();
  const auto copy = [&] {
    const UseContext use(second);
    second.wait_for(first);
    second.wait_for(second);
    return Tensor<float, 1, Cuda>(x);
  }();
  first.wait_for(second);  // x is freed there
  second.synchronize();
  const UseContext use(second);
  const auto back = to_host(copy.view());
  CHECK(back[1] == 1);
  CHECK(back[(1 << 20) - 1] == float((1 << 20) - 1));
}

#if defined(VCELL_EMULATE_CUDA)
using vcell_test::contains;

TEST_CASE("cuda context: use by a context that does not wait is found", "[cuda]") {
  const Context<Cuda> first, second;
  const size_t bytes = 10 * sizeof(float);
  void* const x = Memory<Cuda>::allocate(first, bytes);
  void* const y = Memory<Cuda>::allocate(second, bytes);
  Memory<Cuda>::zero(first, x, bytes);
  CHECK_THROWS_WITH(Memory<Cuda>::copy(second, y, x, bytes),
                    contains("reads memory that stream") && contains("does not wait for it"));
  second.wait_for(first);
  Memory<Cuda>::copy(second, y, x, bytes);
  CHECK_THROWS_WITH(Memory<Cuda>::zero(first, x, bytes), contains("writes to or frees memory"));
  CHECK_THROWS_WITH(cudaFreeAsync(x, first.stream()), contains("writes to or frees memory"));
  first.wait_for(second);
  Memory<Cuda>::zero(first, x, bytes);
  Memory<Cuda>::deallocate(first, x, bytes);
  Memory<Cuda>::deallocate(second, y, bytes);
}

TEST_CASE("cuda context: what is queued after wait_for is not waited for", "[cuda]") {
  const Context<Cuda> first, second;
  void* const x = Memory<Cuda>::allocate(first, 4);
  second.wait_for(first);
  Memory<Cuda>::zero(first, x, 4);
  CHECK_THROWS_AS(Memory<Cuda>::zero(second, x, 4), vcell_emulation::Failure);
  first.synchronize();  // then the host knows, and what it queues from now on comes after
  Memory<Cuda>::zero(second, x, 4);
  second.synchronize();
  Memory<Cuda>::deallocate(first, x, 4);
}
#endif

TEST_CASE("cuda context: without a GPU the error says so", "[cuda]") {
  if (vcell_test::no_device().empty()) VCELL_SKIP("a device is there");
  CHECK_THROWS_AS(Context<Cuda>(), CudaError);
  CHECK_THROWS_WITH(current_context<Cuda>(),
                    vcell_test::contains("Context<Cuda>: ") &&
                        vcell_test::contains("this machine has no NVIDIA GPU"));
}
