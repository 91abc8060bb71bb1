// That the emulation sees what it is there to see.
#include <cuda_runtime.h>

#include <set>

#include "support/catch.hpp"
//
#include "vcell/kernels/device/async_copy.cuh"
#include "vcell/kernels/device/reduce.cuh"
#include "vcell/kernels/launch.hpp"
#include "vcell/tensor/memory_cuda.hpp"

namespace {

using namespace vcell;
using vcell_test::contains;

constexpr unsigned threads = 64;

/// Elements that count as the device's, though the host may look at them, too.
template <class T>
class OnDevice : public std::vector<T> {
 public:
  explicit OnDevice(size_t n) : std::vector<T>(n) {
    const auto stream = current_context<Cuda>().stream();
    vcell_emulation::Device::instance().step(*stream);
    vcell_emulation::Device::instance().add_block(this->data(), n * sizeof(T), *stream);
  }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
  ~OnDevice() { vcell_emulation::Device::instance().remove_block(this->data()); }
};

/// What is wrong with a kernel under an order of the threads; empty when nothing is.
template <class... P, class... A>
std::string failure(uint64_t seed, dim3 block, void (*kernel)(P...), A... arguments) {
  vcell_emulation::seed() = seed;
  try {
    check_status("test",
                 device::launch(current_context<Cuda>(), kernel, dim3{2}, block, arguments...));
  } catch (const vcell_emulation::Failure& e) {
    return e.what();
  }
  return "";
}

__global__ void reverse(int* out, bool with_barrier) {
  VCELL_SHARED(int, tile, threads);
  tile[threadIdx.x] = int(threadIdx.x);
  if (with_barrier) __syncthreads();
  out[blockIdx.x * threads + threadIdx.x] = tile[threads - 1 - threadIdx.x];
}

/// Neighbours within a warp: shuffles do not order memory, __syncwarp does.
__global__ void rotate_in_warp(int* out, bool with_syncwarp) {
  VCELL_SHARED(int, tile, threads);
  tile[threadIdx.x] = int(threadIdx.x);
  __shfl_sync(~0u, 0, 0);
  if (with_syncwarp) __syncwarp();
  out[blockIdx.x * threads + threadIdx.x] = tile[threadIdx.x ^ 1];
}

/// Everybody reads, then one writes; a barrier must be between.
__global__ void write_after_read(int* out, bool with_barrier) {
  VCELL_SHARED(int, total, 1);
  if (threadIdx.x == 0) total[0] = 5;
  __syncthreads();
  const int seen = total[0];
  if (with_barrier) __syncthreads();
  if (threadIdx.x == 7) total[0] += 1;
  out[blockIdx.x * threads + threadIdx.x] = seen;
}

__global__ void past_the_end() {
  VCELL_SHARED(float, tile, threads - 1);
  tile[threadIdx.x] = 1;
}

__global__ void read_unwritten(float* out) {
  VCELL_SHARED(float, tile, threads);
  out[blockIdx.x * threads + threadIdx.x] = tile[threadIdx.x];
}

__global__ void barrier_against_shuffle() {
  if (threadIdx.x % 2) __syncthreads();
  __shfl_sync(~0u, 1, 0);
}

__global__ void mixed_shuffles() {
  if (threadIdx.x % 2)
    __shfl_xor_sync(~0u, 1, 1);
  else
    __shfl_sync(~0u, 1, 0);
}

__global__ void halves(int* out) {  // allowed: each half of the warp names only itself
  const unsigned low = 0xffffu;
  const int lane = int(threadIdx.x % 32);
  int v = lane;
  if (lane < 16)
    for (int bits = 8; bits; bits /= 2) v += __shfl_xor_sync(low, v, bits);
  else
    v = __shfl_down_sync(~low, v, 1);
  out[blockIdx.x * threads + threadIdx.x] = v;
}

__global__ void not_in_own_mask() { __shfl_sync(2u, 1, 1); }

__global__ void asks_an_absent_lane() {
  if (threadIdx.x % 32 < 16) __shfl_sync(~0u, 1, 20);
}

__global__ void throws_in_one_thread() {
  if (threadIdx.x == 3) throw std::runtime_error("no such thing");
  __syncthreads();
}

/// A thread that has ended is not waited for.
__global__ void early_exit(int* out) {
  if (threadIdx.x >= 40) return;
  __syncthreads();
  __syncwarp();
  out[blockIdx.x * threads + threadIdx.x] = 1;
}

enum class Mistake { none, no_wait, no_commit, no_barrier, waits_for_too_few, refills_too_early };

/// Two buffers in turn, each filled while the other is read; every block's own half of x.
__global__ void copies_ahead(const float* x, float* out, Mistake mistake) {
  constexpr unsigned turns = 3;
  VCELL_SHARED(float, tile, 2 * threads);
  const auto fill = [&](unsigned turn) {
    device::copy_async<4>(tile, turn % 2 * threads + threadIdx.x, x + turn * threads + threadIdx.x,
                          4);
    if (mistake != Mistake::no_commit) device::commit_copies();
  };
  fill(0);
  float sum = 0;
  for (unsigned turn = 0; turn < turns; ++turn) {
    if (mistake == Mistake::refills_too_early && turn + 1 < turns) fill(turn + 1);
    if (mistake == Mistake::waits_for_too_few)
      device::wait_copies<1>();
    else if (mistake == Mistake::refills_too_early && turn + 1 < turns)
      device::wait_copies<1>();
    else if (mistake != Mistake::no_wait)
      device::wait_copies<0>();
    if (mistake != Mistake::no_barrier) __syncthreads();
    if (mistake != Mistake::refills_too_early && turn + 1 < turns) fill(turn + 1);
    sum += tile[turn % 2 * threads + (threadIdx.x + 32) % threads];
  }
  out[blockIdx.x * threads + threadIdx.x] = sum;
}

struct alignas(16) Four {
  float v[4];
};

/// Whole elements, parts of them, and nothing.
__global__ void copies_parts(const float* x, float* out, unsigned shift) {
  VCELL_SHARED(Four, tile, threads);
  const unsigned bytes = 4 * (threadIdx.x % 5);
  if (shift)
    device::copy_async<4>(tile, threadIdx.x, x + 4 * threadIdx.x + shift, bytes);
  else
    device::copy_async<16>(tile, threadIdx.x, x + 4 * threadIdx.x, bytes);
  device::commit_copies();
  device::wait_copies<0>();
  const Four mine = tile[threadIdx.x];
  for (unsigned i = 0; i < 4; ++i) out[4 * threadIdx.x + i] = mine.v[i];
}

__global__ void copies_unaligned(const float* x) {
  VCELL_SHARED(Four, tile, threads);
  device::copy_async<16>(tile, threadIdx.x, x + 4 * threadIdx.x + 1, 16);
}

__global__ void too_much_shared() {
  VCELL_SHARED(double, tile, 48 * 128 + 1);
  tile[threadIdx.x] = 1;
}

__global__ void sums(const double* x, double* out) {
  const double once = device::block_reduce<threads>(x[threadIdx.x], device::Sum{});
  out[blockIdx.x * threads + threadIdx.x] =
      device::block_reduce<threads>(once + threadIdx.x, device::Max{});
}

__global__ void coordinates(unsigned* out) {
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  out[block * 30 + thread] += block * 30 + thread;
}

__global__ void note_order(unsigned* order, unsigned* count) {
  order[(*count)++] = blockIdx.x * 2 + threadIdx.x;
}

}  // namespace

TEST_CASE("emulation: a missing barrier is a race in every order", "[cuda]") {
  OnDevice<int> out(2 * threads);
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    const auto found = failure(seed, dim3{threads}, reverse, out.data(), false);
    // A thread may also come before the one that writes for it.
    CHECK_THAT(found, contains("race on tile[") || contains("nobody wrote it"));
    CHECK(failure(seed, dim3{threads}, reverse, out.data(), true) == "");
    CHECK(out[0] == threads - 1);
    CHECK(out[2 * threads - 1] == 0);
  }
}

TEST_CASE("emulation: a missing __syncwarp is a race, a shuffle does not mend it", "[cuda]") {
  OnDevice<int> out(2 * threads);
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    CHECK_THAT(failure(seed, dim3{threads}, rotate_in_warp, out.data(), false),
               contains("race on tile["));
    CHECK(failure(seed, dim3{threads}, rotate_in_warp, out.data(), true) == "");
    CHECK(out[5] == 4);
  }
}

TEST_CASE("emulation: a write after unordered reads is a race", "[cuda]") {
  OnDevice<int> out(2 * threads);
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    CHECK_THAT(failure(seed, dim3{threads}, write_after_read, out.data(), false),
               contains("race on total[0] between threads"));
    CHECK(failure(seed, dim3{threads}, write_after_read, out.data(), true) == "");
  }
}

TEST_CASE("emulation: shared memory out of range, unwritten, too large", "[cuda]") {
  OnDevice<float> out(2 * threads);
  CHECK_THAT(failure(1, dim3{threads}, past_the_end),
             contains("tile[63] is out of range: it has 63 elements"));
  CHECK_THAT(failure(1, dim3{threads}, read_unwritten, out.data()), contains("nobody wrote it"));
  CHECK_THAT(failure(1, dim3{threads}, too_much_shared),
             contains("49160 bytes of shared memory, the most is 49152"));
}

TEST_CASE("emulation: asynchronous copies come when they are waited for", "[cuda]") {
  OnDevice<float> x(4 * threads), out(2 * threads);
  for (unsigned i = 0; i < x.size(); ++i) x[i] = float(i);
  const auto run = [&](uint64_t seed, Mistake mistake) {
    return failure(seed, dim3{threads}, copies_ahead, x.data(), out.data(), mistake);
  };
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    CHECK(run(seed, Mistake::none) == "");
    for (unsigned i = 0; i < threads; ++i)
      CHECK(out[i] == float(3 * ((i + 32) % threads) + 3 * threads));
    for (const auto mistake : {Mistake::no_wait, Mistake::no_commit, Mistake::waits_for_too_few})
      CHECK_THAT(run(seed, mistake), contains("while an asynchronous copy to it is under way"));
    // Who reads may come before who copies, between begin and wait, or after.
    CHECK_THAT(run(seed, Mistake::no_barrier),
               contains("race on tile[") || contains("nobody wrote it") || contains("under way"));
    CHECK_THAT(run(seed, Mistake::refills_too_early),
               contains("race on tile[") || contains("under way"));
  }
}

TEST_CASE("emulation: asynchronous copies of parts, and of what is not aligned", "[cuda]") {
  OnDevice<Four> x(threads + 1), out(threads);
  for (unsigned i = 0; i < 4 * x.size(); ++i) x[i / 4].v[i % 4] = float(i);
  for (const unsigned shift : {0u, 1u}) {
    const float* const from = x[0].v;
    CHECK(failure(1, dim3{threads}, copies_parts, from, out[0].v, shift) == "");
    for (unsigned i = 0; i < 4 * threads; ++i)
      CHECK(out[i / 4].v[i % 4] == (i % 4 < i / 4 % 5 ? float(i + shift) : 0));
  }
  const float* const from = x[0].v;
  CHECK_THAT(failure(1, dim3{threads}, copies_unaligned, from), contains("not aligned"));
}

TEST_CASE("emulation: deadlocks are named", "[cuda]") {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    CHECK_THAT(failure(seed, dim3{threads}, barrier_against_shuffle),
               contains("deadlock: thread 0 waits in __shfl_sync with mask 0xffffffff") &&
                   contains("at __syncthreads"));
    CHECK_THAT(failure(seed, dim3{threads}, mixed_shuffles),
               contains("waits in __shfl_sync") && contains("in __shfl_xor_sync"));
  }
}

TEST_CASE("emulation: masks", "[cuda]") {
  OnDevice<int> out(2 * threads);
  CHECK(failure(1, dim3{threads}, halves, out.data()) == "");
  CHECK(out[0] == 120);
  CHECK(out[16] == 17);
  CHECK(out[31] == 31);
  CHECK_THAT(failure(1, dim3{1}, not_in_own_mask), contains("lane 0 is not in its own mask 0x2"));
  CHECK_THAT(failure(1, dim3{threads}, asks_an_absent_lane),
             contains("asks lane 20, which does not take part"));
  CHECK(failure(1, dim3{threads}, early_exit, out.data()) == "");
  CHECK(out[39] == 1);
}

TEST_CASE("emulation: an exception ends the kernel, and the next one runs", "[cuda]") {
  CHECK_THAT(failure(1, dim3{threads}, throws_in_one_thread),
             contains("exception in thread 3: no such thing"));
  OnDevice<int> out(2 * threads);
  CHECK(failure(1, dim3{threads}, reverse, out.data(), true) == "");
  CHECK_THROWS_AS(__syncthreads(), vcell_emulation::Failure);  // outside a kernel
}

TEST_CASE("emulation: block_reduce is right in every thread and may be called again", "[cuda]") {
  OnDevice<double> x(threads), out(2 * threads);
  for (unsigned i = 0; i < threads; ++i) x[i] = i;
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    CHECK(failure(seed, dim3{threads}, sums, x.data(), out.data()) == "");
    CHECK(std::set<double>(out.begin(), out.end()) == std::set<double>{2016 + 63});
  }
}

TEST_CASE("emulation: coordinates of blocks and threads", "[cuda]") {
  OnDevice<unsigned> out(2 * 3 * 4 * 30);
  vcell_emulation::seed() = 1;
  check_status("test", device::launch(current_context<Cuda>(), coordinates, dim3{2, 3, 4},
                                      dim3{5, 3, 2}, out.data()));
  for (unsigned i = 0; i < out.size(); ++i) CHECK(out[i] == i);
}

TEST_CASE("emulation: the order comes from the seed", "[cuda]") {
  std::set<std::vector<unsigned>> orders;
  for (int round = 0; round < 2; ++round)
    for (uint64_t seed = 1; seed <= 20; ++seed) {
      OnDevice<unsigned> order(4), count(1);
      CHECK(failure(seed, dim3{2}, note_order, order.data(), count.data()) == "");
      orders.insert(order);
    }
  // Two orders of the blocks, and two of the threads in each.
  CHECK(orders.size() == 8);
}

TEST_CASE("emulation: launches that a device refuses", "[cuda]") {
  for (const dim3 grid : {dim3{0}, dim3{1, 70000}, dim3{1, 1, 70000}})
    CHECK_FALSE(device::launch(current_context<Cuda>(), past_the_end, grid, dim3{1}).ok());
  for (const dim3 block : {dim3{0}, dim3{1025}, dim3{33, 32}, dim3{1, 1, 65}})
    CHECK_FALSE(device::launch(current_context<Cuda>(), past_the_end, dim3{1}, block).ok());
}

TEST_CASE("emulation: device memory is not host memory", "[cuda]") {
  const auto stream = current_context<Cuda>().stream();
  float host[2] = {1, 2};
  CHECK(cudaMemcpyAsync(host, host, 4, cudaMemcpyHostToDevice, stream) == cudaErrorInvalidValue);
  CHECK(cudaMemsetAsync(host, 0, 4, stream) == cudaErrorInvalidValue);
  CHECK(cudaFreeAsync(host, stream) == cudaErrorInvalidValue);
  CHECK_THAT(failure(1, dim3{threads}, read_unwritten, host),
             contains("a kernel is given memory that is not the device's"));
}

TEST_CASE("emulation: handles that are not live", "[cuda]") {
  OnDevice<float> x(4);
  for (const cudaStream_t dead : {cudaStream_t(nullptr), [] {
                                    cudaStream_t stream = nullptr;
                                    cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
                                    cudaStreamDestroy(stream);
                                    return stream;
                                  }()}) {
    CHECK(cudaMemsetAsync(x.data(), 0, 4, dead) == cudaErrorInvalidResourceHandle);
    CHECK(cudaStreamSynchronize(dead) == cudaErrorInvalidResourceHandle);
    CHECK(cudaStreamDestroy(dead) == cudaErrorInvalidResourceHandle);
    CHECK(device::detail::launch_kernel<float*>(read_unwritten, dim3{1}, dim3{1}, dead, x.data()) ==
          cudaErrorInvalidResourceHandle);
  }
  cudaEvent_t event = nullptr;
  CHECK(cudaEventCreateWithFlags(&event, cudaEventDisableTiming) == cudaSuccess);
  CHECK(cudaEventDestroy(event) == cudaSuccess);
  CHECK(cudaEventRecord(event, current_context<Cuda>().stream()) == cudaErrorInvalidResourceHandle);
  CHECK(cudaEventDestroy(event) == cudaErrorInvalidResourceHandle);
}

TEST_CASE("emulation: copies from and to the host come late", "[cuda]") {
  const Context<Cuda> context;
  float host[1] = {1}, back[1] = {5};
  void* const block = Memory<Cuda>::allocate(context, 4);
  cudaMemcpyAsync(block, host, 4, cudaMemcpyHostToDevice, context.stream());
  host[0] = 2;
  cudaMemcpyAsync(back, block, 4, cudaMemcpyDeviceToHost, context.stream());
  CHECK(back[0] == 5);
  context.synchronize();
  CHECK(back[0] == 2);
  Memory<Cuda>::deallocate(context, block, 4);
}

TEST_CASE("emulation: a kernel reads what another stream writes", "[cuda]") {
  OnDevice<double> x(threads), out(2 * threads);
  const Context<Cuda> other;
  Memory<Cuda>::zero(current_context<Cuda>(), x.data(), 8);
  const auto launch = [&] {
    return device::launch(other, sums, dim3{2}, dim3{threads}, x.data(), out.data());
  };
  CHECK_THROWS_WITH(launch(), contains("reads memory that stream"));
  other.wait_for(current_context<Cuda>());
  CHECK(launch().ok());
}
