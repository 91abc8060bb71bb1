// The CUDA kernels of functions on elements, and of copies, against those of the CPU.
#include "vcell/kernels/elementwise.cuh"

#include "support/catch.hpp"
#include "vcell/kernels/copy.cuh"
//
#include "cuda/support/device.hpp"
#include "support/largest_error.hpp"
#include "support/random_tensor.hpp"
#include "vcell/kernels/launch.hpp"
#include "vcell/ops/add.hpp"
#include "vcell/ops/gelu.hpp"
#include "vcell/ops/multiply.hpp"
#include "vcell/ops/relu.hpp"
#include "vcell/ops/scale.hpp"
#include "vcell/ops/silu.hpp"
#include "vcell/tensor/copy.hpp"
#include "vcell/tensor/memory_cuda.hpp"

namespace {

using namespace vcell;
using vcell_test::random_tensor;

template <class T>
double largest_error(const Tensor<T, 1, Cuda>& found, const Tensor<T, 1>& expected) {
  return vcell_test::largest_error(to_host(found.view()).values(), expected.values());
}

/// Value and both ways to put each derivative.
template <class T, class F, int... k>
void check(F f, std::integer_sequence<int, k...>, size_t n) {
  const double tolerance = 32 * double(std::numeric_limits<T>::epsilon());
  const Tensor<T, 1> x[] = {random_tensor<T, 1>({n}, uint64_t(k + 1))...};
  const Tensor<T, 1, Cuda> device_x[] = {to_device<Cuda>(x[k])...};
  auto y = Tensor<T, 1>({n});
  auto device_y = Tensor<T, 1, Cuda>::uninitialized({n});
  kernel::forward<kernel::Elementwise, Cpu>("test", f, y.view(), x[k].view()...);
  kernel::forward<kernel::Elementwise, Cuda>("test", f, device_y.view(), device_x[k].view()...);
  CHECK(largest_error(device_y, y) <= tolerance);

  const auto dy = random_tensor<T, 1>({n}, 11);
  const auto device_dy = to_device<Cuda>(dy);
  const auto pull = [&](auto by) {
    for (const bool accumulate : {false, true}) {
      auto dx = random_tensor<T, 1>({n}, 12);
      auto device_dx = to_device<Cuda>(dx);
      kernel::backward<kernel::Elementwise, Cpu>(
          "test", f, by, dy.view(), kernel::Target<T, 1>{dx.view(), accumulate}, x[k].view()...);
      kernel::backward<kernel::Elementwise, Cuda>(
          "test", f, by, device_dy.view(), kernel::Target<T, 1, Cuda>{device_dx.view(), accumulate},
          device_x[k].view()...);
      CHECK(largest_error(device_dx, dx) <= tolerance);
    }
  };
  (pull(kernel::Argument<k>()), ...);
}

}  // namespace

TEMPLATE_TEST_CASE("cuda elementwise: value and derivatives", "[cuda]", float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const std::integer_sequence<int, 0> one;
  const std::integer_sequence<int, 0, 1> two;
  for (const size_t n : {size_t(0), size_t(1), size_t(255), size_t(700)}) {
    INFO(n << " elements");
    check<TestType>(kernel::Add(), two, n);
    check<TestType>(kernel::Multiply(), two, n);
    check<TestType>(kernel::Scale<TestType>{TestType(-1.5)}, one, n);
    check<TestType>(kernel::Relu(), one, n);
    check<TestType>(kernel::Silu(), one, n);
    check<TestType>(kernel::Gelu(), one, n);
    check<TestType>(kernel::GeluTanh(), one, n);
  }
}

TEST_CASE("cuda elementwise: in place, and elements beyond the grid", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto x = random_tensor<float, 1>({100}, 1);
  auto y = to_device<Cuda>(x);
  kernel::forward<kernel::Elementwise, Cuda>("test", kernel::Scale<float>{2}, y.view(),
                                             std::as_const(y).view());
  void (*const scale)(kernel::Scale<float>, size_t, float*, const float*) =
      kernel::detail::elementwise_forward;
  check_status("test", device::launch(current_context<Cuda>(), scale, dim3{2}, dim3{16},
                                      kernel::Scale<float>{3}, 100, y.data(), y.data()));
  const auto back = to_host(y.view());
  for (size_t i = 0; i < 100; ++i) CHECK(back[i] == 3 * (2 * x[i]));
}

TEST_CASE("cuda elementwise: a null gradient is not wanted", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto x = to_device<Cuda>(random_tensor<float, 1>({3}, 1));
  kernel::backward<kernel::Elementwise, Cuda>("test", kernel::Relu(), kernel::Argument<0>(),
                                              x.view(), kernel::Target<float, 1, Cuda>{}, x.view());
}

TEST_CASE("cuda copy: blocks of matrices, assigned or added", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto from = random_tensor<float, 2>({7, 90}, 1),
             before = random_tensor<float, 2>({9, 70}, 2);
  const auto device_from = to_device<Cuda>(from);
  for (const bool accumulate : {false, true})
    for (const auto& [rows, columns] : {Shape<2>{7, 70}, Shape<2>{5, 61}, Shape<2>{0, 3}}) {
      const size_t skip = 90 - columns;
      auto expected = before;
      auto found = to_device<Cuda>(before);
      const auto run = [&, rows = rows, columns = columns]<class Device>(
                           View<const float, 2, Device> a, View<float, 2, Device> b) {
        const kernel::MatrixView<const float, Device> source(a);
        const kernel::MatrixView<float, Device> target(b);
        kernel::run<kernel::Copy, Device>("test", source.block(0, rows, skip, columns),
                                          target.block(1, rows, 0, columns), accumulate);
      };
      run(from.view(), expected.view());
      run(device_from.view(), found.view());
      CHECK(vcell_test::largest_difference(to_host(found.view()).values(), expected.values()) == 0);
    }
}
