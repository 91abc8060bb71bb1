// The CUDA kernels of functions on elements, and of copies, against those of the CPU.
#include "vcell/kernels/elementwise.cuh"

#include "support/catch.hpp"
#include "vcell/kernels/copy.cuh"
#include "vcell/kernels/silu_gate.cuh"
//
#include "cuda/support/in_every_order.hpp"
#include "support/largest_error.hpp"
#include "support/random_tensor.hpp"
#include "vcell/kernels/launch.hpp"
#include "vcell/ops/add.hpp"
#include "vcell/ops/binary_cross_entropy.hpp"
#include "vcell/ops/gelu.hpp"
#include "vcell/ops/leaky_relu.hpp"
#include "vcell/ops/multiply.hpp"
#include "vcell/ops/negative_binomial_loss.hpp"
#include "vcell/ops/plus.hpp"
#include "vcell/ops/relu.hpp"
#include "vcell/ops/scale.hpp"
#include "vcell/ops/silu.hpp"
#include "vcell/ops/softplus.hpp"
#include "vcell/tensor/copy.hpp"
#include "vcell/tensor/memory_cuda.hpp"

namespace {

using namespace vcell;
using vcell_test::random_tensor;

template <class T>
double largest_error(const Tensor<T, 1, Cuda>& found, const Tensor<T, 1>& expected) {
  return vcell_test::largest_error(to_host(found.view()).values(), expected.values());
}

/// Value and both ways to put each derivative, at these arguments.
template <class T, class F, int... k>
void check_at(F f, std::integer_sequence<int, k...>, const Tensor<T, 1> (&x)[sizeof...(k)]) {
  const double tolerance = 32 * double(std::numeric_limits<T>::epsilon());
  const size_t n = x[0].count();
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

/// The same at normal numbers.
template <class T, class F, int... k>
void check(F f, std::integer_sequence<int, k...> arguments, size_t n) {
  check_at<T>(f, arguments, {random_tensor<T, 1>({n}, uint64_t(k + 1))...});
}

/// Counts, means and dispersions of a negative binomial distribution.
template <class T>
void check_negative_binomial(size_t n) {
  Tensor<T, 1> x[] = {random_tensor<T, 1>({n}, 1), random_tensor<T, 1>({n}, 2),
                      random_tensor<T, 1>({n}, 3)};
  for (size_t i = 0; i < n; ++i) {
    x[0][i] = i % 3 ? std::floor(std::exp(3 * x[0][i])) : T(0);
    x[1][i] = std::exp(x[1][i]);
    x[2][i] = std::exp(3 * x[2][i]);
  }
  check_at<T>(kernel::NegativeBinomialLoss{1e-8}, std::integer_sequence<int, 0, 1, 2>(), x);
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
    check<TestType>(kernel::LeakyRelu<TestType>{TestType(0.1)}, one, n);
    check<TestType>(kernel::Plus<TestType>{TestType(0.5)}, one, n);
    check<TestType>(kernel::Softplus<TestType>{TestType(1e-4)}, one, n);
    check<TestType>(kernel::BinaryCrossEntropy(), two, n);
    check_negative_binomial<TestType>(n);
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

TEMPLATE_TEST_CASE("cuda silu_gate: gradient, in place too", "[cuda]", float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  for (const auto& [rows, n] : {Shape<2>{1, 1}, Shape<2>{5, 7}, Shape<2>{3, 64}, Shape<2>{2, 301},
                                Shape<2>{0, 3}, Shape<2>{3, 0}}) {
    const auto dy = random_tensor<TestType, 2>({rows, n}, 1);
    auto z = random_tensor<TestType, 2>({rows, 2 * n}, 2);
    if (n > 3) z(0, 0) = -200, z(0, 1) = 200;
    Tensor<TestType, 2> expected({rows, 2 * n});
    kernel::backward<kernel::SiluGate, Cpu>("test", dy.view(), std::as_const(z).view(),
                                            expected.view());
    const auto device_dy = to_device<Cuda>(dy);
    const auto device_z = to_device<Cuda>(z);
    for (const bool in_place : {false, true}) {
      const auto found = vcell_test::in_every_order([&] {
        auto dz = in_place ? device_z : Tensor<TestType, 2, Cuda>::uninitialized(z.shape());
        kernel::backward<kernel::SiluGate, Cuda>(
            "test", device_dy.view(), in_place ? std::as_const(dz).view() : device_z.view(),
            dz.view());
        return to_host(dz.view());
      });
      CHECK(vcell_test::largest_error(found.values(), expected.values()) <=
            32 * double(std::numeric_limits<TestType>::epsilon()));
    }
  }
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
