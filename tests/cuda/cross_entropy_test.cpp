// The CUDA kernels of cross_entropy against those of the CPU.
#include "vcell/kernels/cross_entropy.cuh"

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
using vcell_test::random_tensor;
using vcell_test::same_bytes;

/// Labels all over the classes, the first and the last among them.
Tensor<int32_t, 1> labels(size_t rows, size_t classes) {
  Tensor<int32_t, 1> label({rows});
  for (size_t i = 0; i < rows; ++i) label[i] = int32_t(i == 1 ? classes - 1 : i * 7919 % classes);
  return label;
}

template <class T>
struct Result {
  Tensor<T, 1> y;
  Tensor<T, 2> dx;
};

template <class Device, class T>
Result<T> run(const Tensor<T, 2>& x, const Tensor<int32_t, 1>& label, const Tensor<T, 1>& dy,
              const Tensor<T, 2>& before, bool accumulate) {
  const auto on_x = to_device<Device>(x);
  const auto on_label = to_device<Device>(label);
  const auto on_dy = to_device<Device>(dy);
  auto dx = to_device<Device>(before);
  auto y = Tensor<T, 1, Device>::uninitialized(dy.shape());
  kernel::forward<kernel::CrossEntropy, Device>("test", on_x.view(), on_label.view(), y.view());
  kernel::backward<kernel::CrossEntropy, Device>(
      "test", on_dy.view(), on_x.view(), on_label.view(),
      kernel::Target<T, 2, Device>{dx.view(), accumulate});
  return {to_host(y.view()), to_host(dx.view())};
}

template <class T>
void check(const Tensor<T, 2>& x) {
  INFO(message(x.shape()));
  const double tolerance = 64 * double(std::numeric_limits<T>::epsilon());
  const size_t rows = x.shape()[0];
  const auto label = labels(rows, x.shape()[1]);
  const auto dy = random_tensor<T, 1>({rows}, 2);
  const auto before = random_tensor<T, 2>(x.shape(), 3);
  for (const bool accumulate : {false, true}) {
    const auto expected = run<Cpu>(x, label, dy, before, accumulate);
    Result<T> first;
    vcell_test::in_several_orders([&] {
      const auto found = run<Cuda>(x, label, dy, before, accumulate);
      CHECK(difference(found.y, expected.y) <= tolerance);
      CHECK(difference(found.dx, expected.dx) <= tolerance);
      if (first.y.count() == 0) first = found;
      CHECK((rows == 0 || (same_bytes(found.y, first.y) && same_bytes(found.dx, first.dx))));
    });
  }
}

}  // namespace

TEMPLATE_TEST_CASE("cuda cross_entropy: value and gradient, rows of warps and of blocks", "[cuda]",
                   float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  auto far = random_tensor<TestType, 2>({2, 40}, 1);  // below what exp knows
  for (TestType& v : far.values()) v -= TestType(2000);
  check(far);
  for (const Shape<2> shape :
       {Shape<2>{1, 1}, {3, 2}, {6, 10}, {5, 33}, {2, 256}, {3, 257}, {2, 1500}, {0, 5}})
    check(random_tensor<TestType, 2>(shape, 1));
}

TEMPLATE_TEST_CASE("cuda cross_entropy: rows that are all but certain keep their digits", "[cuda]",
                   float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  for (const size_t classes : {size_t(30), size_t(300)}) {
    auto x = random_tensor<TestType, 2>({4, classes}, 1);
    const auto label = labels(4, classes);
    const Tensor<TestType, 1> dy({4}, std::vector<TestType>{1, 2, -1, 1});
    for (size_t i = 0; i < 3; ++i) x(i, size_t(label[i])) = TestType(35);
    x(3, (size_t(label[3]) + 1) % classes) = TestType(1000);
    const auto expected = run<Cpu>(x, label, dy, x, false),
               found = run<Cuda>(x, label, dy, x, false);
    for (size_t i = 0; i < 4; ++i) {
      CHECK(expected.y[i] > 0);
      CHECK(found.y[i] == Approx(expected.y[i]).epsilon(1e-5));
      const size_t l = size_t(label[i]);
      CHECK(expected.dx(i, l) != 0);
      CHECK(found.dx(i, l) == Approx(expected.dx(i, l)).epsilon(1e-5));
    }
  }
}

TEST_CASE("cuda cross_entropy: what is not a number shows in its row alone", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  for (const size_t classes : {size_t(30), size_t(300)}) {
    auto x = random_tensor<double, 2>({3, classes}, 1);
    x(0, 4) = NAN;
    x(1, 4) = INFINITY;
    x(2, 4) = -INFINITY;
    const auto found = run<Cuda>(x, labels(3, classes), random_tensor<double, 1>({3}, 2), x, false);
    CHECK(std::isnan(found.y[0]));
    CHECK(std::isnan(found.dx(0, 0)));
    CHECK(!(found.y[1] < INFINITY));
    CHECK(std::isfinite(found.y[2]));
    CHECK(found.dx(2, 4) == 0);
  }
}

TEST_CASE("cuda cross_entropy: rows beyond the grid, and a null gradient is not wanted", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto& context = current_context<Cuda>();
  for (const Shape<2> shape : {Shape<2>{11, 20}, {5, 300}}) {
    const auto x = random_tensor<float, 2>(shape, 1);
    const auto dy = random_tensor<float, 1>({shape[0]}, 2);
    const auto label = labels(shape[0], shape[1]);
    const auto whole = run<Cuda>(x, label, dy, x, false);
    const auto on_x = to_device<Cuda>(x);
    const auto on_label = to_device<Cuda>(label);
    const auto on_dy = to_device<Cuda>(dy);
    auto y = Tensor<float, 1, Cuda>::uninitialized({shape[0]});
    auto dx = Tensor<float, 2, Cuda>::uninitialized(shape);
    device::with_row_threads(shape[1], [&](auto threads) {
      check_status("test",
                   device::launch(context, kernel::detail::cross_entropy_forward<threads, float>,
                                  dim3{2}, dim3{device::row_threads}, on_x.data(), on_label.data(),
                                  y.data(), shape[0], shape[1]));
      check_status(
          "test",
          device::launch(context, kernel::detail::cross_entropy_backward<threads, false, float>,
                         dim3{2}, dim3{device::row_threads}, on_dy.data(), on_x.data(),
                         on_label.data(), dx.data(), shape[0], shape[1]));
    });
    CHECK(same_bytes(to_host(y.view()), whole.y));
    CHECK(same_bytes(to_host(dx.view()), whole.dx));
    kernel::backward<kernel::CrossEntropy, Cuda>("test", on_dy.view(), on_x.view(), on_label.view(),
                                                 kernel::Target<float, 2, Cuda>{});
  }
}
