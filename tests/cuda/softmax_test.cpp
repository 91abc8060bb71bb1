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
#include "vcell/tensor/copy_cuda.hpp"

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
  const auto device_x = to_cuda(x.view());
  auto y = Tensor<T, 2, Cuda>::uninitialized(x.shape());
  check_status("test", kernel::Softmax<Cuda>::forward(device_x.view(), y.view()));
  return y;
}

template <class T>
void check_forward(const Tensor<T, 2>& x) {
  Tensor<T, 2> expected(x.shape());
  check_status("test", kernel::Softmax<Cpu>::forward(x.view(), expected.view()));
  const double tolerance = 16 * double(std::numeric_limits<T>::epsilon());
  Tensor<T, 2> first;
  vcell_test::in_several_orders([&] {
    const auto y = to_cpu(softmax_on_device(x));
    CHECK(difference(y, expected) <= tolerance);
    if (first.count() == 0) first = y;
    CHECK((y.count() == 0 || !std::memcmp(y.data(), first.data(), y.count() * sizeof(T))));
  });
}

template <class T>
void check_backward(const Tensor<T, 2>& x) {
  const auto dy = random<T>(x.shape(), 2), before = random<T>(x.shape(), 3);
  Tensor<T, 2> y(x.shape()), expected = before;
  check_status("test", kernel::Softmax<Cpu>::forward(x.view(), y.view()));
  check_status("test",
               kernel::Softmax<Cpu>::backward(dy.view(), std::as_const(y).view(), expected.view()));
  const double tolerance = 64 * double(std::numeric_limits<T>::epsilon());
  vcell_test::in_several_orders([&] {
    const auto device_dy = to_cuda(dy.view()), device_y = to_cuda(y.view());
    auto dx = to_cuda(before.view());
    check_status("test",
                 kernel::Softmax<Cuda>::backward(std::as_const(device_dy).view(),
                                                 std::as_const(device_y).view(), dx.view()));
    CHECK(difference(to_cpu(dx), expected) <= tolerance);
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

TEMPLATE_TEST_CASE("cuda softmax: gradient is added", "[cuda]", float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  for (const auto& shape : shapes) {
    INFO(message(shape));
    check_backward(random<TestType>(shape, 1));
  }
}

TEMPLATE_TEST_CASE("cuda softmax: entries of -infinity, large and undefined rows", "[cuda]", float,
                   double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const TestType inf = std::numeric_limits<TestType>::infinity();
  auto x = random<TestType>({5, 200}, 1);
  for (size_t j = 1; j < 200; ++j) x(0, j) = -inf;  // all but the first
  for (size_t j = 0; j < 200; j += 3) x(1, j) = -inf;
  for (size_t j = 0; j < 200; ++j) x(2, j) *= TestType(1e4);
  check_backward(x);
  for (size_t j = 0; j < 200; ++j) x(3, j) = -inf;
  x(4, 150) = std::numeric_limits<TestType>::quiet_NaN();
  check_forward(x);
  const auto y = to_cpu(softmax_on_device(x));
  CHECK(y(0, 0) == 1);
  CHECK(y(0, 199) == 0);
  CHECK(y(1, 3) == 0);
  CHECK(std::isnan(y(3, 0)));
  CHECK(std::isnan(y(4, 0)));
}

TEST_CASE("cuda softmax: in place", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto x = random<float>({3, 300}, 1);
  auto y = to_cuda(x.view());
  check_status("test", kernel::Softmax<Cuda>::forward(std::as_const(y).view(), y.view()));
  CHECK(difference(to_cpu(y), to_cpu(softmax_on_device(x))) == 0);
}

TEST_CASE("cuda softmax: rows beyond the grid", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto x = random<float>({7, 50}, 1), dy = random<float>({7, 50}, 2);
  const auto device_x = to_cuda(x.view()), device_dy = to_cuda(dy.view());
  auto y = Tensor<float, 2, Cuda>::uninitialized(x.shape());
  Tensor<float, 2, Cuda> dx(x.shape()), dx_whole(x.shape());
  const dim3 grid{2}, block{kernel::detail::softmax_threads};
  check_status("test", device::launch(kernel::detail::softmax_forward<float>, grid, block, nullptr,
                                      device_x.data(), y.data(), 7, 50));
  CHECK(difference(to_cpu(y), to_cpu(softmax_on_device(x))) == 0);
  check_status("test", device::launch(kernel::detail::softmax_backward<float>, grid, block, nullptr,
                                      device_dy.data(), y.data(), dx.data(), 7, 50));
  check_status("test", kernel::Softmax<Cuda>::backward(device_dy.view(), std::as_const(y).view(),
                                                       dx_whole.view()));
  CHECK(difference(to_cpu(dx), to_cpu(dx_whole)) == 0);
}

TEST_CASE("cuda softmax: a null gradient is not wanted", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto y = softmax_on_device(random<float>({2, 3}, 1));
  CHECK(kernel::Softmax<Cuda>::backward(y.view(), y.view(), View<float, 2>{}).ok());
}

TEST_CASE("cuda softmax: a launch that the device refuses is reported", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto status = device::launch(kernel::detail::softmax_forward<float>, dim3{1}, dim3{2048},
                                     nullptr, nullptr, nullptr, 1, 1);
  REQUIRE_FALSE(status.ok());
  CHECK_THROWS_WITH(kernel::check_status("softmax", status),
                    "softmax: the kernel did not start: invalid configuration argument");
}
