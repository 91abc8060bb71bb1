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

TEST_CASE("cuda recording: the first run is queued, later ones are replayed", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const Context<Cuda> context;
  const UseContext use(context);
  const float one[] = {1, 1, 1}, five[] = {5, 5, 5};
  Vector x({3}, one), y({3});
  Recording<Cuda> recording(context);
  size_t calls = 0;
  const auto work = [&] {
    ++calls;
    add_twice(x, y);
  };
  recording.run(work);
  CHECK_FALSE(recording.is_recorded());
  CHECK(first_of(y) == 2);
  recording.run(work);
  CHECK(recording.why_not() == "");
  REQUIRE(recording.is_recorded());
  CHECK(first_of(y) == 4);
  Memory<Cuda>::upload(context, x.data(), five, sizeof five);
  // Memory that is taken in between is not what the recording works in.
  auto other = Vector::uninitialized({3});
  other.zero();
  recording.run(work);
  CHECK(calls == 2);
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
    Recording<Cuda> recording(context);
    for (int i = 0; i < 3; ++i) recording.run([&] { add_twice(x, y); });
    REQUIRE(recording.is_recorded());
    CHECK(context.kept_work() == nullptr);
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

TEST_CASE("cuda recording: two that take turns keep their memory together", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const Context<Cuda> context;
  const UseContext use(context);
  const std::vector<float> ones(1000, 1);
  const Vector x({1000}, ones), less({10}, std::span(ones).first(10));
  Vector y({1000}), z({1000}), few({10}), left;
#if defined(VCELL_EMULATE_CUDA)
  auto& device = vcell_emulation::Device::instance();
  const size_t bytes = device.bytes_in_use();
#endif
  Recording<Cuda> first(context), second(context, &first), small(context, &first);
  const auto all = [&] {
    first.run([&] { add_twice(x, y); });
    second.run([&] { add_twice(x, z); });
    small.run([&] { add_twice(less, few); });
  };
  for (int i = 0; i < 3; ++i) all();
  REQUIRE((first.is_recorded() && second.is_recorded() && small.is_recorded()));
#if defined(VCELL_EMULATE_CUDA)
  CHECK(device.bytes_in_use() == bytes + (2 * 1000 + 2 * 10) * sizeof(float));
#endif
  CHECK((first_of(y) == 6 && first_of(z) == 6 && first_of(few) == 6));
  // Work that keeps one of their blocks would see it overwritten: none is replayed from there on.
  Recording<Cuda> bad(context, &second);
  bad.run([&] { left = Vector(x); });
  CHECK_THAT(bad.why_not(), contains("leaves memory behind"));
  all();
  CHECK(first_of(left) == 1);
  CHECK_FALSE((first.is_recorded() || second.is_recorded() || small.is_recorded()));
  CHECK_THAT(second.why_not(), contains("leaves memory behind"));
  CHECK((first_of(y) == 8 && first_of(z) == 8 && first_of(few) == 8));
#if defined(VCELL_EMULATE_CUDA)
  CHECK(device.bytes_in_use() == bytes + 1000 * sizeof(float));  // that one alone
#endif
  Recording<Cuda> next(context, &first);  // which has no memory left to keep together
  for (int i = 0; i < 3; ++i) next.run([&] { add_twice(x, y); });
  CHECK(next.is_recorded());
  CHECK(first_of(y) == 14);
}

TEST_CASE("cuda recording: uploads of the same bytes are part of it", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const Context<Cuda> context;
  const UseContext use(context);
  Vector y({3});
  Recording<Cuda> recording(context);
  for (int i = 1; i <= 4; ++i) {
    recording.run([&] {
      const float half[] = {0.5, 0.5, 0.5};
      add_twice(Vector({3}, half), y);
    });
    CHECK(first_of(y) == float(i));
  }
  CHECK(recording.why_not() == "");
  CHECK(recording.is_recorded());
}

TEST_CASE("cuda recording: what cannot be recorded is queued every time, and the reason is told",
          "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const Context<Cuda> context;
  const UseContext use(context);
  const float one[] = {1, 1, 1};
  Vector x({3}, one), y({3}), other({3}), left;
  size_t n = 2, runs = 0;
  float sent = 0;
  bool is_late = false;
  const std::vector<std::pair<std::function<void()>, std::string>> works{
      {[&] {  // other bytes every time
         const float next[] = {++sent, 0, 0};
         Memory<Cuda>::upload(context, other.data(), next, sizeof next);
       },
       "Memory<Cuda>::upload: 12 bytes that were others in the run before"},
      {[&] { first_of(y); }, "Memory<Cuda>::download: 12 bytes"},
      {[&] { Vector::uninitialized({++n}); }, "Memory<Cuda>::allocate: 16 bytes"},
      {[&] { left = Vector(x); }, "leaves memory behind"},
      {[&] { context.synchronize(); }, "cudaStreamSynchronize failed"},
      {[&] {  // not in the first run
         if (++runs > 1) Memory<Cuda>::upload(context, x.data(), one, sizeof one);
       },
       "Memory<Cuda>::upload: 12 bytes"},
      {[&] {  // in the first run alone
         if (!std::exchange(is_late, true))
           Memory<Cuda>::upload(context, x.data(), one, sizeof one);
       },
       "uploaded 0 times, and 1 times in the run before"}};
  for (const auto& [also, reason] : works) {
    y.zero();
    Recording<Cuda> recording(context);
    for (int i = 1; i <= 4; ++i) {
      recording.run([&, &also = also] {
        add_twice(x, y);
        also();
      });
      CHECK(first_of(y) == 2 * float(i));
    }
    CHECK_FALSE(recording.is_recorded());
    CHECK_THAT(recording.why_not(), contains(reason));
    CHECK(context.kept_work() == nullptr);
  }
}

TEST_CASE("cuda recording: an error of the caller's passes, and the context stays good", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const Context<Cuda> context;
  const UseContext use(context);
  for (int when : {1, 2}) {
    const float one[] = {1, 1, 1};
    const Vector x({3}, one);
    Vector y({3});
    Recording<Cuda> recording(context);
    int calls = 0;
    const auto work = [&] {
      add_twice(x, y);
      if (++calls == when) throw std::runtime_error("no such thing");
    };
    if (when == 2) recording.run(work);
    CHECK_THROWS_WITH(recording.run(work), "no such thing");
    CHECK(context.kept_work() == nullptr);
    add_twice(x, y);
    CHECK(first_of(y) == 4);  // what had been queued, in the first run alone
  }
}
