// The CUDA kernels of log_softmax against those of the CPU.
#include "vcell/kernels/log_softmax.cuh"

#include "support/catch.hpp"
//
#include "cuda/support/device.hpp"
#include "cuda/support/difference.hpp"
#include "support/random_tensor.hpp"
#include "vcell/kernels/launch.hpp"
#include "vcell/tensor/copy.hpp"
#include "vcell/tensor/memory_cuda.hpp"

namespace {

using namespace vcell;
using vcell_test::difference;
using vcell_test::same_bytes;

template <class T>
Tensor<T, 2> random(Shape<2> shape, uint64_t seed) {
  auto x = vcell_test::random_tensor<T, 2>(shape, seed);
  for (T& v : x.values()) v *= 3;
  return x;
}

template <class T>
Tensor<T, 2> host_log_softmax(const Tensor<T, 2>& x) {
  const auto device_x = to_device<Cuda>(x);
  auto y = Tensor<T, 2, Cuda>::uninitialized(x.shape());
  kernel::forward<kernel::LogSoftmax, Cuda>("test", device_x.view(), y.view());
  return to_host(y.view());
}

/// Values, and gradients assigned and added.
template <class T>
void check(const Tensor<T, 2>& x) {
  INFO(message(x.shape()));
  const double tolerance = 64 * double(std::numeric_limits<T>::epsilon());
  const auto dy = random<T>(x.shape(), 2), before = random<T>(x.shape(), 3);
  Tensor<T, 2> y(x.shape()), first_y, first_dx[2];
  kernel::forward<kernel::LogSoftmax, Cpu>("test", x.view(), y.view());
  vcell_test::in_several_orders([&] {
    const auto found = host_log_softmax(x);
    CHECK(difference(found, y) <= tolerance);
    if (first_y.count() == 0) first_y = found;
    CHECK((x.count() == 0 || same_bytes(found, first_y)));
    const auto device_y = to_device<Cuda>(y), device_dy = to_device<Cuda>(dy);
    for (const bool accumulate : {false, true}) {
      auto dx = before;
      auto device_dx = to_device<Cuda>(before);
      kernel::backward<kernel::LogSoftmax, Cpu>("test", dy.view(), std::as_const(y).view(),
                                                kernel::Target<T, 2>{dx.view(), accumulate});
      kernel::backward<kernel::LogSoftmax, Cuda>(
          "test", device_dy.view(), device_y.view(),
          kernel::Target<T, 2, Cuda>{device_dx.view(), accumulate});
      const auto pulled = to_host(device_dx.view());
      CHECK(difference(pulled, dx) <= 16 * tolerance);
      if (first_dx[accumulate].count() == 0) first_dx[accumulate] = pulled;
      CHECK((x.count() == 0 || same_bytes(pulled, first_dx[accumulate])));
    }
  });
}

}  // namespace

TEMPLATE_TEST_CASE("cuda log_softmax: value and gradient, rows of warps and of blocks", "[cuda]",
                   float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  for (const Shape<2> shape : {Shape<2>{1, 1},
                               {3, 2},
                               {6, 31},
                               {5, 33},
                               {2, 256},
                               {3, 257},
                               {2, 777},
                               {1, 3000},
                               {0, 5},
                               {4, 0}})
    check(random<TestType>(shape, 1));
}

TEMPLATE_TEST_CASE("cuda log_softmax: entries of -infinity, large and undefined rows", "[cuda]",
                   float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const TestType inf = std::numeric_limits<TestType>::infinity();
  for (const size_t columns : {size_t(40), size_t(300)}) {
    auto x = random<TestType>({3, columns}, 1);
    for (size_t j = 0; j < columns; ++j) {
      if (j % 3 == 0) x(0, j) = -inf;
      x(1, j) += 5000;  // rows far from 0 keep their digits
      if (j) x(2, j) = -inf;
    }
    auto y = host_log_softmax(x), expected = Tensor<TestType, 2>(x.shape());
    kernel::forward<kernel::LogSoftmax, Cpu>("test", std::as_const(x).view(), expected.view());
    CHECK(difference(y, expected) <= 128 * double(std::numeric_limits<TestType>::epsilon()));
    CHECK(y(0, 0) == -inf);
    CHECK(y(2, 0) == 0);
    CHECK(std::isfinite(y(1, 0)));
    for (size_t j = 0; j < columns; ++j) x(0, j) = -inf;
    x(1, 3) = inf;
    x(2, 0) = std::numeric_limits<TestType>::quiet_NaN();
    y = host_log_softmax(x);
    for (size_t i = 0; i < 3; ++i)
      for (size_t j = 0; j < columns; ++j) CHECK(std::isnan(y(i, j)));
  }
}

TEST_CASE("cuda log_softmax: in place, and rows beyond the grid", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto& context = current_context<Cuda>();
  const dim3 grid{2}, block{device::row_threads};
  for (const Shape<2> shape : {Shape<2>{11, 50}, {5, 300}}) {
    const auto x = random<float>(shape, 1), dy = random<float>(shape, 2);
    const auto expected = host_log_softmax(x);
    auto y = to_device<Cuda>(x);
    kernel::forward<kernel::LogSoftmax, Cuda>("test", std::as_const(y).view(), y.view());
    CHECK(difference(to_host(y.view()), expected) == 0);

    const auto device_dy = to_device<Cuda>(dy);
    auto again = to_device<Cuda>(x), dx = to_device<Cuda>(x), whole = to_device<Cuda>(x);
    device::with_row_threads(shape[1], [&](auto threads) {
      check_status(
          "test",
          device::launch(
              context,
              device::detail::row_function_forward<kernel::detail::LogSoftmaxOfRow, threads, float>,
              grid, block, again.data(), again.data(), shape[0], shape[1]));
      check_status(
          "test",
          device::launch(context,
                         device::detail::row_function_backward<kernel::detail::LogSoftmaxOfRow,
                                                               threads, false, float>,
                         grid, block, device_dy.data(), y.data(), dx.data(), shape[0], shape[1]));
    });
    CHECK(difference(to_host(again.view()), expected) == 0);
    kernel::backward<kernel::LogSoftmax, Cuda>("test", device_dy.view(), std::as_const(y).view(),
                                               kernel::Target<float, 2, Cuda>{whole.view(), false});
    CHECK(difference(to_host(dx.view()), to_host(whole.view())) == 0);
    kernel::backward<kernel::LogSoftmax, Cuda>("test", device_dy.view(), std::as_const(y).view(),
                                               kernel::Target<float, 2, Cuda>{});
  }
}
