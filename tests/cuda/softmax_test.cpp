// The CUDA kernels of softmax against those of the CPU.
#include "vcell/kernels/softmax.cuh"

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "support/catch.hpp"
//
#include "cuda/support/device.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/kernels/launch.hpp"
#include "vcell/tensor/copy.hpp"
#include "vcell/tensor/memory_cuda.hpp"

namespace {

using namespace vcell;

template <class T>
Tensor<T, 2> random(Shape<2> shape, uint64_t seed) {
  Rng rng(seed);
  Tensor<T, 2> x(shape);
  for (T& v : x.values()) v = T(3 * rng.normal());
  return x;
}

/// The largest difference; infinite when one is not-a-number and the other is not.
template <class T>
double difference(const Tensor<T, 2>& a, const Tensor<T, 2>& b) {
  REQUIRE(a.shape() == b.shape());
  double most = 0;
  for (size_t i = 0; i < a.count(); ++i) {
    const double x = double(a.data()[i]), y = double(b.data()[i]);
    if (std::isnan(x) && std::isnan(y)) continue;
    const double d = std::abs(x - y);
    most = std::isnan(d) ? std::numeric_limits<double>::infinity() : std::max(most, d);
  }
  return most;
}

template <class T>
Tensor<T, 2, Cuda> softmax_on_device(const Tensor<T, 2>& x) {
  const auto device_x = to_device<Cuda>(x);
  auto y = Tensor<T, 2, Cuda>::uninitialized(x.shape());
  kernel::forward<kernel::Softmax, Cuda>("test", device_x.view(), y.view());
  return y;
}

template <class T>
Tensor<T, 2> host_softmax(const Tensor<T, 2>& x) {
  return to_host(softmax_on_device(x).view());
}

template <class T>
void check_forward(const Tensor<T, 2>& x) {
  Tensor<T, 2> expected(x.shape());
  kernel::forward<kernel::Softmax, Cpu>("test", x.view(), expected.view());
  const double tolerance = 16 * double(std::numeric_limits<T>::epsilon());
  Tensor<T, 2> first;
  vcell_test::in_several_orders([&] {
    const auto y = host_softmax(x);
    CHECK(difference(y, expected) <= tolerance);
    if (first.count() == 0) first = y;
    CHECK((y.count() == 0 || !std::memcmp(y.data(), first.data(), y.count() * sizeof(T))));
  });
}

/// @param accumulate  add to what is there, else to overwrite it
template <class T>
void check_backward(const Tensor<T, 2>& x, bool accumulate) {
  const auto dy = random<T>(x.shape(), 2), before = random<T>(x.shape(), 3);
  Tensor<T, 2> y(x.shape()), expected = before;
  kernel::forward<kernel::Softmax, Cpu>("test", x.view(), y.view());
  const auto pull = [&]<class Device>(const Tensor<T, 2, Device>& at, const auto& cotangent,
                                      Tensor<T, 2, Device>& to) {
    const kernel::Target<T, 2, Device> target{to.view(), accumulate};
    kernel::backward<kernel::Softmax, Device>("test", cotangent.view(), at.view(), target);
  };
  pull(y, dy, expected);
  const double tolerance = 64 * double(std::numeric_limits<T>::epsilon());
  vcell_test::in_several_orders([&] {
    const auto device_y = to_device<Cuda>(y);
    const auto device_dy = to_device<Cuda>(dy);
    auto dx = to_device<Cuda>(before);
    pull(device_y, device_dy, dx);
    CHECK(difference(to_host(dx.view()), expected) <= tolerance);
  });
}

const std::vector<Shape<2>> shapes = {{1, 1},   {3, 2},   {2, 31},   {5, 33}, {1, 128},
                                      {2, 129}, {3, 777}, {1, 3000}, {0, 5},  {4, 0}};

}  // namespace

TEMPLATE_TEST_CASE("cuda softmax: value", "[cuda]", float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  for (const auto& shape : shapes) {
    INFO(message(shape));
    check_forward(random<TestType>(shape, 1));
  }
}

TEMPLATE_TEST_CASE("cuda softmax: gradient is assigned or added", "[cuda]", float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  for (const auto& shape : shapes) {
    INFO(message(shape));
    check_backward(random<TestType>(shape, 1), false);
    check_backward(random<TestType>(shape, 1), true);
  }
}

TEMPLATE_TEST_CASE("cuda softmax: entries of -infinity, large and undefined rows", "[cuda]", float,
                   double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const TestType inf = std::numeric_limits<TestType>::infinity();
  auto x = random<TestType>({5, 200}, 1);
  for (size_t j = 1; j < 200; ++j) x(0, j) = -inf;  // all but the first
  for (size_t j = 0; j < 200; j += 3) x(1, j) = -inf;
  for (size_t j = 0; j < 200; ++j) x(2, j) = TestType(1e4) * (x(2, j) - 10);  // all below 0
  check_backward(x, false);
  check_backward(x, true);
  for (size_t j = 0; j < 200; ++j) x(3, j) = -inf;
  x(4, 150) = std::numeric_limits<TestType>::quiet_NaN();
  check_forward(x);
  const auto y = host_softmax(x);
  CHECK(y(0, 0) == 1);
  CHECK(y(0, 199) == 0);
  CHECK(y(1, 3) == 0);
  CHECK(std::isnan(y(3, 0)));
  CHECK(std::isnan(y(4, 0)));
}

TEST_CASE("cuda softmax: in place", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto x = random<float>({3, 300}, 1);
  auto y = to_device<Cuda>(x);
  kernel::forward<kernel::Softmax, Cuda>("test", std::as_const(y).view(), y.view());
  CHECK(difference(to_host(y.view()), host_softmax(x)) == 0);
}

TEST_CASE("cuda softmax: rows beyond the grid", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto& context = current_context<Cuda>();
  const dim3 grid{2}, block{device::row_threads};
  for (const Shape<2> shape : {Shape<2>{11, 50}, {5, 300}}) {
    const auto x = random<float>(shape, 1), dy = random<float>(shape, 2);
    const auto device_x = to_device<Cuda>(x), device_dy = to_device<Cuda>(dy);
    auto y = Tensor<float, 2, Cuda>::uninitialized(shape);
    auto dx = y, dx_whole = y;
    device::with_row_threads(shape[1], [&](auto threads) {
      check_status(
          "test",
          device::launch(
              context,
              device::detail::row_function_forward<kernel::detail::SoftmaxOfRow, threads, float>,
              grid, block, device_x.data(), y.data(), shape[0], shape[1]));
      check_status(
          "test",
          device::launch(context,
                         device::detail::row_function_backward<kernel::detail::SoftmaxOfRow,
                                                               threads, false, float>,
                         grid, block, device_dy.data(), y.data(), dx.data(), shape[0], shape[1]));
    });
    CHECK(difference(to_host(y.view()), host_softmax(x)) == 0);
    kernel::backward<kernel::Softmax, Cuda>("test", device_dy.view(), std::as_const(y).view(),
                                            kernel::Target<float, 2, Cuda>{dx_whole.view(), false});
    CHECK(difference(to_host(dx.view()), to_host(dx_whole.view())) == 0);
  }
}

TEST_CASE("cuda softmax: a null gradient is not wanted", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto y = softmax_on_device(random<float>({2, 3}, 1));
  kernel::backward<kernel::Softmax, Cuda>("test", y.view(), y.view(),
                                          kernel::Target<float, 2, Cuda>{});
}

TEST_CASE("cuda softmax: a launch that the device refuses is reported", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto status =
      device::launch(current_context<Cuda>(),
                     device::detail::row_function_forward<kernel::detail::SoftmaxOfRow, 32, float>,
                     dim3{1}, dim3{2048}, nullptr, nullptr, 1, 1);
  REQUIRE_FALSE(status.ok());
  CHECK_THROWS_WITH(kernel::check_status("softmax", status),
                    "softmax: the kernel did not start: invalid configuration argument");
}
