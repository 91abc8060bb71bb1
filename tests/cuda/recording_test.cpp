// Work that is recorded as a graph and done again.
#include "support/catch.hpp"
#include "vcell/kernels/elementwise.cuh"
#include "vcell/tensor/recording_cuda.hpp"
//
#include "cuda/support/device.hpp"
#include "support/random_tensor.hpp"
#include "vcell/kernels/launch.hpp"
#include "vcell/ops/add.hpp"
#include "vcell/ops/scale.hpp"
#include "vcell/tensor/copy.hpp"

namespace {

using namespace vcell;
using vcell_test::contains;

using Vector = Tensor<float, 1, Cuda>;

/// y += 2 x, by way of memory of its own.
void add_twice(const Vector& x, Vector& y) {
  auto doubled = Vector::uninitialized(x.shape());
  kernel::forward<kernel::Elementwise, Cuda>("test", kernel::Scale<float>{2}, doubled.view(),
                                             x.view());
  const Vector copy = doubled;  // a copy within the device is recorded, too
  kernel::forward<kernel::Elementwise, Cuda>("test", kernel::Add(), y.view(),
                                             std::as_const(y).view(), copy.view());
}

float first_of(const Vector& x) { return to_host(x.view())[0]; }

}  // namespace

TEST_CASE("cuda recording: work is done once when it is recorded, and again by each replay",
          "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const Context<Cuda> context;
  const UseContext use(context);
  const float one[] = {1, 1, 1}, five[] = {5, 5, 5};
  Vector x({3}, one), y({3});
  const Recording<Cuda> recording(context, [&] { add_twice(x, y); });
  REQUIRE(recording.why_not() == "");
  REQUIRE(recording);
  CHECK(first_of(y) == 2);
  recording.replay();
  CHECK(first_of(y) == 4);
  Memory<Cuda>::upload(context, x.data(), five, sizeof five);
  // Memory that is taken in between is not what the recording works in.
  auto other = Vector::uninitialized({3});
  other.zero();
  recording.replay();
  CHECK(first_of(y) == 14);
  CHECK(first_of(other) == 0);
}

TEST_CASE("cuda recording: its memory is its own until it goes", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const Context<Cuda> context;
  const UseContext use(context);
  Vector x({1000}), y({1000});
#if defined(VCELL_EMULATE_CUDA)
  auto& device = vcell_emulation::Device::instance();
  const size_t bytes = device.bytes_in_use(), graphs = device.live_graphs();
#endif
  {
    const Recording<Cuda> recording(context, [&] { add_twice(x, y); });
    REQUIRE(recording);
    CHECK(context.kept_memory() == nullptr);
#if defined(VCELL_EMULATE_CUDA)
    CHECK(device.bytes_in_use() == bytes + 2 * 1000 * sizeof(float));
    CHECK(device.live_graphs() == graphs + 1);
#endif
  }
#if defined(VCELL_EMULATE_CUDA)
  CHECK(device.bytes_in_use() == bytes);
  CHECK(device.live_graphs() == graphs);
#endif
}

TEST_CASE("cuda recording: what cannot be recorded is done once, and the reason is told",
          "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const Context<Cuda> context;
  const UseContext use(context);
  const float one[] = {1, 1, 1};
  Vector x({3}, one), y({3});
  {
    const Recording<Cuda> uploads(context, [&] {
      add_twice(x, y);
      Memory<Cuda>::upload(context, x.data(), one, sizeof one);
    });
    CHECK_FALSE(uploads);
    CHECK_THAT(uploads.why_not(),
               contains("Memory<Cuda>::upload: 12 bytes in work that is recorded"));
  }
  CHECK(first_of(y) == 2);
  const Recording<Cuda> waits(context, [&] {
    add_twice(x, y);
    first_of(y);
  });
  CHECK_FALSE(waits);
  CHECK_THAT(waits.why_not(), contains("Memory<Cuda>::download"));
  CHECK(first_of(y) == 4);
  size_t n = 2;
  const Recording<Cuda> grows(context, [&] { Vector::uninitialized({++n}); });
  CHECK_FALSE(grows);
  CHECK_THAT(grows.why_not(), contains("Memory<Cuda>::allocate: 16 bytes"));
  Vector left;
  const Recording<Cuda> leaves(context, [&] { left = Vector(x); });
  CHECK_FALSE(leaves);
  CHECK_THAT(leaves.why_not(), contains("leaves memory behind"));
  CHECK(first_of(left) == 1);
  const Recording<Cuda> synchronizes(context, [&] { context.synchronize(); });
  CHECK_FALSE(synchronizes);
  CHECK_THAT(synchronizes.why_not(), contains("cudaStreamSynchronize"));
  CHECK_FALSE(Recording<Cuda>());
  add_twice(x, y);  // the context is as it was
  CHECK(first_of(y) == 6);
}

TEST_CASE("cuda recording: an error of the caller's passes, and leaves nothing behind", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const Context<Cuda> context;
  const UseContext use(context);
  for (int when : {1, 2}) {
    int calls = 0;
    const Vector x({3});
    Vector y({3});
    const auto work = [&] {
      add_twice(x, y);
      if (++calls == when) throw std::runtime_error("no such thing");
    };
    CHECK_THROWS_WITH(Recording<Cuda>(context, work), "no such thing");
    CHECK(context.kept_memory() == nullptr);
    CHECK_FALSE(context.is_recording());
    add_twice(x, y);
    CHECK(first_of(y) == 0);
  }
}
