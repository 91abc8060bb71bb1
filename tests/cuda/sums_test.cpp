// The CUDA kernels that add up rows and elements, and their parts, against those of the CPU.
#include "support/catch.hpp"
#include "vcell/kernels/device/column_sums.cuh"
#include "vcell/kernels/mean.cuh"
#include "vcell/kernels/mean_error.cuh"
#include "vcell/kernels/set_bias.cuh"
#include "vcell/kernels/sum_rows.cuh"
//
#include "cuda/support/in_every_order.hpp"
#include "support/largest_error.hpp"
#include "support/random_tensor.hpp"
#include "vcell/kernels/launch.hpp"
#include "vcell/tensor/copy.hpp"
#include "vcell/tensor/memory_cuda.hpp"

using namespace vcell;

// Not in an unnamed namespace, because nvcc warns of kernels for what is in one.
namespace sums_test {

/// Two sums of a pass, as a norm's backward has.
struct ProductAndItself {
  size_t columns;
  template <class T>
  __device__ std::array<T, 2> operator()(size_t i, size_t j, const T* x, const T* w) const {
    const T xi = x[i * columns + j];
    return {xi * w[i], xi};
  }
};

}  // namespace sums_test

namespace {

using kernel::Target;
using vcell_test::in_every_order;
using vcell_test::random_tensor;

/// By the size of a sum's terms: both add many of about 1 in another order.
template <class T>
void check_near(const auto& found, const auto& expected, size_t terms) {
  const double tolerance = (4 + std::sqrt(double(terms))) * std::numeric_limits<T>::epsilon();
  CHECK(vcell_test::largest_error(found.values(), expected.values()) <= tolerance);
}

template <class T>
void check_column_sums(size_t groups, size_t rows, size_t columns, bool first, bool second) {
  const auto x = random_tensor<T, 2>({groups * rows, columns}, 1);
  const auto w = random_tensor<T, 1>({groups * rows}, 2);
  const auto before = random_tensor<T, 2>({groups, columns}, 3);
  Tensor<T, 2> expected[2] = {before, before};
  for (size_t g = 0; g < groups; ++g)
    for (size_t j = 0; j < columns; ++j) {
      double product = 0, itself = 0;
      for (size_t i = g * rows; i < (g + 1) * rows; ++i) {
        product += double(x(i, j)) * double(w[i]);
        itself += double(x(i, j));
      }
      if (first) expected[0](g, j) = T(product);
      expected[1](g, j) = T(itself + double(before(g, j)));
    }
  const auto device_x = to_device<Cuda>(x);
  const auto device_w = to_device<Cuda>(w);
  using Sums = device::ColumnSums<T, 2>;
  const auto run = [&](size_t which) {
    auto to0 = to_device<Cuda>(before), to1 = to_device<Cuda>(before);
    const Shape<3> shape{groups, rows, columns};
    Buffer<std::byte, Cuda> memory(Sums::bytes(shape));
    typename Sums::Targets out;
    if (first) out[0] = {to0.view().flat(), false};
    if (second) out[1] = {to1.view().flat(), true};
    kernel::check_status(
        "test", Sums::run(current_context<Cuda>(), shape, out,
                          Scratch<Cuda>{memory.data(), {memory.count()}},
                          sums_test::ProductAndItself{columns}, std::as_const(device_x).data(),
                          std::as_const(device_w).data()));
    return to_host(which ? to1.view() : to0.view());
  };
  check_near<T>(in_every_order([&] { return run(0); }), expected[0], rows);
  if (second) check_near<T>(in_every_order([&] { return run(1); }), expected[1], rows);
}

template <class T>
void check_mean(size_t n) {
  const auto x = random_tensor<T, 1>({n}, 1);
  const auto g = random_tensor<T, 0>({}, 2);
  const auto device_x = to_device<Cuda>(x);
  const auto device_g = to_device<Cuda>(g);
  Tensor<T, 0> expected;
  kernel::forward<kernel::Mean, Cpu>("test", x.view(), expected.view());
  const auto found = in_every_order([&] {
    auto out = Tensor<T, 0, Cuda>::uninitialized({});
    kernel::forward<kernel::Mean, Cuda>("test", device_x.view(), out.view());
    return to_host(out.view());
  });
  if (n == 0)
    CHECK(std::isnan(*found.data()));
  else
    check_near<T>(found, expected, 1);
  for (const bool accumulate : {false, true}) {
    auto dx = random_tensor<T, 1>({n}, 3);
    auto device_dx = to_device<Cuda>(dx);
    kernel::backward<kernel::Mean, Cpu>("test", g.view(), Target<T, 1>{dx.view(), accumulate});
    kernel::backward<kernel::Mean, Cuda>("test", device_g.view(),
                                         Target<T, 1, Cuda>{device_dx.view(), accumulate});
    check_near<T>(to_host(device_dx.view()), dx, 1);
  }
}

template <class T>
void check_sum_rows(size_t rows, size_t columns, bool accumulate) {
  const auto x = random_tensor<T, 2>({rows, columns}, 1);
  const auto before = random_tensor<T, 1>({columns}, 2);
  auto expected = before;
  kernel::run<kernel::SumRows, Cpu>("test", x.view(), Target<T, 1>{expected.view(), accumulate});
  const auto device_x = to_device<Cuda>(x);
  const auto found = in_every_order([&] {
    auto y = to_device<Cuda>(before);
    kernel::run<kernel::SumRows, Cuda>("test", device_x.view(),
                                       Target<T, 1, Cuda>{y.view(), accumulate});
    return to_host(y.view());
  });
  check_near<T>(found, expected, rows);
}

template <class T>
void check_set_bias(const Shape<3>& shape, bool accumulate) {
  const auto x = random_tensor<T, 3>(shape, 1);
  const auto p = random_tensor<T, 2>({shape[0], shape[2]}, 2);
  const auto before = random_tensor<T, 2>({shape[0], shape[2]}, 3);
  const auto device_x = to_device<Cuda>(x);
  const auto device_p = to_device<Cuda>(p);
  Tensor<T, 3> y(shape);
  kernel::forward<kernel::SetBias, Cpu>("test", x.view(), p.view(), y.view());
  auto device_y = to_device<Cuda>(x);
  kernel::forward<kernel::SetBias, Cuda>("test", std::as_const(device_y).view(), device_p.view(),
                                         device_y.view());
  check_near<T>(to_host(device_y.view()), y, 0);
  auto expected = before;
  kernel::backward<kernel::SetBias, Cpu>("test", x.view(),
                                         Target<T, 2>{expected.view(), accumulate});
  const auto found = in_every_order([&] {
    auto dp = to_device<Cuda>(before);
    kernel::backward<kernel::SetBias, Cuda>("test", device_x.view(),
                                            Target<T, 2, Cuda>{dp.view(), accumulate});
    return to_host(dp.view());
  });
  check_near<T>(found, expected, shape[1]);
}

/// Value and both gradients. What lies in padding is not a number, so nobody may read it.
/// @param skip  elements before the first one, so that packs of 16 bytes cannot begin there
template <class T, class F>
void check_error(F f, const Shape<3>& shape, bool with_lengths, bool mean, bool accumulate,
                 size_t skip) {
  INFO(message(shape) << (with_lengths ? " padded" : "") << (mean ? " mean" : "")
                      << (accumulate ? " added" : "") << ", skip " << skip);
  const size_t n = count(shape);
  auto x = random_tensor<T, 1>({n + skip}, 1), y = random_tensor<T, 1>({n + skip}, 2);
  if (n > 2) x.data()[skip + 2] = y.data()[skip + 2];  // no error: a slope of 0
  Tensor<int32_t, 1> lengths({shape[0]});
  for (size_t b = 0; b < shape[0]; ++b) {
    lengths[b] = int32_t(b ? (b * 7 + 2) % (shape[1] + 1) : shape[1]);
    const size_t row = shape[2], from = skip + (b * shape[1] + size_t(lengths[b])) * row;
    if (with_lengths) std::fill(x.data() + from, x.data() + skip + (b + 1) * shape[1] * row, NAN);
  }
  const auto g = random_tensor<T, 0>({}, 3);
  const auto before = random_tensor<T, 1>({n + skip}, 4);
  // The value, the gradients of x and of y, and that of y where that of x is not wanted.
  const auto run = [&]<class Device>(Device) {
    const auto in_sets = [&](const auto& view) {
      return view.slice(skip, n + skip).template reshape<3>(shape);
    };
    const auto at_x = to_device<Device>(x);
    const auto at_y = to_device<Device>(y);
    const auto at_g = to_device<Device>(g);
    const auto at_lengths = to_device<Device>(lengths);
    const auto some = with_lengths ? at_lengths.view() : View<const int32_t, 1, Device>();
    auto out = to_device<Device>(g);
    kernel::forward<kernel::MeanError, Device>("test", f, in_sets(at_x.view()),
                                               in_sets(at_y.view()), some, mean, out.view());
    const size_t width = n + skip + 1;
    Tensor<T, 2> found({4, width});
    std::fill_n(found.data(), found.count(), T(0));
    *found.data() = *to_host(out.view()).data();
    for (const bool both : {true, false}) {
      auto dx = to_device<Device>(before), dy = to_device<Device>(before);
      Target<T, 3, Device> to_x;
      if (both) to_x = {in_sets(dx.view()), accumulate};
      kernel::backward<kernel::MeanError, Device>(
          "test", f, at_g.view(), in_sets(at_x.view()), in_sets(at_y.view()), some, mean, to_x,
          Target<T, 3, Device>{in_sets(dy.view()), accumulate});
      const auto host_x = to_host(dx.view()), host_y = to_host(dy.view());
      if (both) std::copy_n(host_x.data(), n + skip, found.data() + width);
      std::copy_n(host_y.data(), n + skip, found.data() + (both ? 2 : 3) * width);
    }
    return found;
  };
  check_near<T>(in_every_order([&] { return run(Cuda()); }), run(Cpu()), 16);
}

}  // namespace

TEMPLATE_TEST_CASE("cuda column sums: two of one pass, in groups", "[cuda]", float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  check_column_sums<TestType>(3, 5, 7, true, true);
  check_column_sums<TestType>(2, 301, 33, true, true);
  check_column_sums<TestType>(2, 301, 33, true, false);
  check_column_sums<TestType>(2, 301, 33, false, true);
  check_column_sums<TestType>(1, 9001, 1, true, true);
  check_column_sums<TestType>(0, 3, 4, true, true);
}

TEMPLATE_TEST_CASE("cuda mean: value and gradient", "[cuda]", float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  for (const size_t n : {0, 1, 255, 4096, 4097, 50000}) check_mean<TestType>(n);
  const auto g = to_device<Cuda>(random_tensor<TestType, 0>({}, 2));
  kernel::backward<kernel::Mean, Cuda>("test", g.view(), Target<TestType, 1, Cuda>{});
}

TEST_CASE("cuda sums in pieces: more pieces than threads add them up", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const size_t n = (size_t(1) << 20) + 5;  // 257 pieces
  Tensor<float, 1> x({n});
  double sum = 0;
  for (size_t i = 0; i < n; ++i) sum += double(x[i] = float(i % 7));
  const auto device_x = to_device<Cuda>(x);
  auto out = Tensor<float, 0, Cuda>::uninitialized({});
  kernel::forward<kernel::Mean, Cuda>("test", device_x.view(), out.view());
  CHECK(*to_host(out.view()).data() == float(sum / double(n)));
}

TEMPLATE_TEST_CASE("cuda sum_rows: assigned or added", "[cuda]", float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  for (const auto& [rows, columns] :
       {Shape<2>{1, 1}, Shape<2>{3, 2}, Shape<2>{33, 31}, Shape<2>{701, 65}, Shape<2>{5001, 3},
        Shape<2>{0, 5}, Shape<2>{4, 0}, Shape<2>{2, 1000}})
    for (const bool accumulate : {false, true}) {
      INFO(rows << " x " << columns << (accumulate ? " added" : ""));
      check_sum_rows<TestType>(rows, columns, accumulate);
    }
  const auto x = to_device<Cuda>(random_tensor<TestType, 2>({3, 4}, 1));
  kernel::run<kernel::SumRows, Cuda>("test", x.view(), Target<TestType, 1, Cuda>{});
}

TEST_CASE("cuda sum_rows: columns beyond the grid, read alone", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto x = random_tensor<float, 2>({7, 100}, 1);
  const auto device_x = to_device<Cuda>(x);
  auto y = Tensor<float, 1, Cuda>::uninitialized({100}), whole = y;
  void (*const function)(device::ElementOfRow, size_t, size_t, size_t, size_t, float*, float*, bool,
                         bool, const float*) = device::detail::column_sums<1>;
  kernel::check_status("test", device::launch(current_context<Cuda>(), function, dim3{2},
                                              dim3{16, 16}, device::ElementOfRow{100}, 1, 7, 100, 1,
                                              y.data(), nullptr, false, false, device_x.data()));
  kernel::run<kernel::SumRows, Cuda>("test", device_x.view(),
                                     Target<float, 1, Cuda>{whole.view(), false});
  CHECK(vcell_test::largest_error(to_host(y.view()).values(), to_host(whole.view()).values()) <
        1e-6);
}

TEMPLATE_TEST_CASE("cuda set_bias: value and gradient", "[cuda]", float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  for (const auto& shape : {Shape<3>{1, 1, 1}, Shape<3>{2, 3, 5}, Shape<3>{3, 301, 33},
                            Shape<3>{2, 0, 3}, Shape<3>{0, 2, 3}, Shape<3>{4, 2, 0}})
    for (const bool accumulate : {false, true}) {
      INFO(message(shape) << (accumulate ? " added" : ""));
      check_set_bias<TestType>(shape, accumulate);
    }
  const auto dy = to_device<Cuda>(random_tensor<TestType, 3>({2, 3, 4}, 1));
  kernel::backward<kernel::SetBias, Cuda>("test", dy.view(), Target<TestType, 2, Cuda>{});
}

TEMPLATE_TEST_CASE("cuda mean_error: values and gradients", "[cuda]", float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  using T = TestType;
  const Shape<3> odd{3, 5, 7}, even{5, 9, 8};
  for (const bool accumulate : {false, true})
    for (const bool padded : {false, true}) {
      check_error<T>(kernel::SquaredError(), odd, padded, true, accumulate, 0);
      check_error<T>(kernel::SquaredError(), even, padded, true, accumulate, 0);
      check_error<T>(kernel::SquaredError(), even, padded, false, accumulate, 1);
    }
  check_error<T>(kernel::SquaredError(), {300, 2, 1}, true, true, false, 0);
  check_error<T>(kernel::SquaredError(), {1, 1, 1}, false, true, false, 0);
  check_error<T>(kernel::SquaredError(), {0, 3, 4}, true, false, false, 0);
  check_error<T>(kernel::AbsoluteError(), odd, true, true, true, 0);
  check_error<T>(kernel::AbsoluteError(), even, false, false, false, 0);
  check_error<T>(kernel::Difference(), odd, true, false, false, 0);
  check_error<T>(kernel::Difference(), even, true, true, true, 0);
}
