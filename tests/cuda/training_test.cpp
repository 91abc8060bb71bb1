// The CUDA kernels of a training step, and dropout, against those of the CPU.
#include "support/catch.hpp"
#include "vcell/kernels/adam.cuh"
#include "vcell/kernels/check_step.cuh"
#include "vcell/kernels/dropout.cuh"
#include "vcell/kernels/gradient_norm.cuh"
#include "vcell/kernels/running_average.cuh"
//
#include "cuda/support/in_every_order.hpp"
#include "support/largest_error.hpp"
#include "support/random_tensor.hpp"
#include "vcell/kernels/launch.hpp"
#include "vcell/tensor/copy.hpp"
#include "vcell/tensor/memory_cuda.hpp"

namespace {

using namespace vcell;
using kernel::StepNumbers;
using kernel::StepReport;
using kernel::Target;
using vcell_test::in_every_order;
using vcell_test::random_tensor;

constexpr size_t sizes[] = {0, 1, 3, 4, 257, 5001};

template <class T>
double rounding() {
  return 16 * double(std::numeric_limits<T>::epsilon());
}

/// One value in memory of its own.
template <class T>
Tensor<T, 0> one(const T& value) {
  Tensor<T, 0> out;
  *out.data() = value;
  return out;
}

constexpr StepNumbers some_numbers{6, 2, 0.01, 0.4, 0.02, 0.9};

/// The same numbers one element further, where a pack of 16 bytes cannot begin.
template <class T>
Tensor<T, 1> shifted(const Tensor<T, 1>& x) {
  Tensor<T, 1> out({x.count() + 1});
  std::copy_n(x.data(), x.count(), out.data() + 1);
  return out;
}

template <class T, class Device>
View<T, 1, Device> from(Tensor<T, 1, Device>& x, size_t first) {
  return x.view().slice(first, x.count());
}

/// What Adam leaves on both devices.
template <class T>
void check_adam(size_t n, bool aligned, const Tensor<double, 0>& factor, bool with_factor) {
  const kernel::AdamConstants constants{0.9, 0.99, 1e-8, 0.03, 0.1};
  const size_t skip = aligned ? 0 : 1;
  Tensor<T, 1> start[4];
  for (size_t k = 0; k < 4; ++k) {
    start[k] = random_tensor<T, 1>({n}, k + 1);
    if (k == 3)
      for (T& v : start[k].values()) v *= v;  // second moments
    if (!aligned) start[k] = shifted(start[k]);
  }
  const auto run = [&]<class Device>(Device) {
    const auto numbers = to_device<Device>(one(some_numbers));
    const auto share = to_device<Device>(factor);
    Tensor<T, 1, Device> at[4];
    for (size_t k = 0; k < 4; ++k) at[k] = to_device<Device>(start[k]);
    const View<const T, 1, Device> gradient = from(at[0], skip);
    kernel::run<kernel::Adam, Device>("test", constants, numbers.view(),
                                      with_factor ? share.view() : View<const double, 0, Device>(),
                                      gradient, from(at[1], skip), from(at[2], skip),
                                      from(at[3], skip));
    Tensor<T, 2> after({3, start[0].count()});
    for (size_t k = 0; k < 3; ++k) {
      const auto found = to_host(std::as_const(at[k + 1]).view());
      std::copy_n(found.data(), found.count(), after.data() + k * found.count());
    }
    return after;
  };
  const auto found = in_every_order([&] { return run(Cuda()); });
  const auto expected = run(Cpu());
  CHECK(vcell_test::largest_error(found.values(), expected.values()) <= rounding<T>());
  if (n == 0) return;
  const bool moved = std::memcmp(expected.data(), start[1].data(), (n + skip) * sizeof(T)) != 0;
  CHECK(moved != (with_factor && std::isnan(*factor.data())));
}

template <class T>
void check_average(size_t n, bool aligned, double factor) {
  const size_t skip = aligned ? 0 : 1;
  const auto value = random_tensor<T, 1>({n + skip}, 1),
             before = random_tensor<T, 1>({n + skip}, 2);
  const auto run = [&]<class Device>(Device) {
    const auto numbers = to_device<Device>(one(some_numbers));
    const auto share = to_device<Device>(one(factor));
    auto at = to_device<Device>(value), average = to_device<Device>(before);
    const View<const T, 1, Device> read = from(at, skip);
    kernel::run<kernel::RunningAverage, Device>("test", numbers.view(), share.view(), read,
                                                from(average, skip));
    return to_host(std::as_const(average).view());
  };
  const auto found = in_every_order([&] { return run(Cuda()); });
  CHECK(vcell_test::largest_error(found.values(), run(Cpu()).values()) <= rounding<T>());
}

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

/// What check_step writes.
struct Judgement {
  Tensor<StepReport, 1> reports;
  uint64_t bad_step;
  double factor;
};

template <class T, class Device>
Judgement judge(const StepNumbers& numbers, double max_norm, T loss, double squares, uint64_t bad) {
  const auto device_numbers = to_device<Device>(one(numbers));
  const auto device_loss = to_device<Device>(one(loss));
  const auto device_squares = to_device<Device>(one(squares));
  auto bad_step = to_device<Device>(one(bad));
  auto factor = to_device<Device>(one(-1.0));
  auto reports = to_device<Device>(Tensor<StepReport, 1>({4}));
  kernel::run<kernel::CheckStep, Device>("test", device_numbers.view(), max_norm,
                                         device_loss.view(), device_squares.view(), bad_step.view(),
                                         reports.view(), factor.view());
  return {to_host(reports.view()), *to_host(bad_step.view()).data(),
          *to_host(factor.view()).data()};
}

template <class T>
void check_dropout(size_t n, size_t skip, bool with_numbers, bool accumulate, float p) {
  const auto x = random_tensor<T, 1>({n + skip}, 1), before = random_tensor<T, 1>({n + skip}, 2);
  const auto run = [&]<class Device>(Device) {
    const auto numbers = to_device<Device>(one(some_numbers));
    auto from_x = to_device<Device>(x), to = to_device<Device>(before);
    const View<const T, 1, Device> read = from(from_x, skip);
    kernel::run<kernel::Dropout, Device>(
        "test", read, Target<T, 1, Device>{from(to, skip), accumulate}, p, uint64_t(5), uint64_t(7),
        with_numbers ? numbers.view() : View<const StepNumbers, 0, Device>());
    return to_host(std::as_const(to).view());
  };
  const auto found = in_every_order([&] { return run(Cuda()); });
  const auto expected = run(Cpu());
  if (accumulate)  // a product and a sum may be rounded once or twice
    CHECK(vcell_test::largest_error(found.values(), expected.values()) <= rounding<T>());
  else
    CHECK(std::equal(found.values().begin(), found.values().end(), expected.values().begin()));
}

}  // namespace

TEMPLATE_TEST_CASE("cuda adam: values and moments", "[cuda]", float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  for (const size_t n : sizes)
    for (const bool aligned : {true, false}) {
      INFO(n << (aligned ? " aligned" : ""));
      check_adam<TestType>(n, aligned, one(0.3), true);
      check_adam<TestType>(n, aligned, one(0.3), false);
      check_adam<TestType>(n, aligned, one(double(NAN)), true);
    }
}

TEST_CASE("cuda adam: elements beyond the grid", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto g = to_device<Cuda>(random_tensor<float, 1>({103}, 1));
  const auto numbers = to_device<Cuda>(one(some_numbers));
  const auto start = random_tensor<float, 1>({103}, 2);
  const auto run = [&](auto launch) {
    auto p = to_device<Cuda>(start), m = to_device<Cuda>(start);
    auto v = to_device<Cuda>(Tensor<float, 1>({103}));
    launch(p, m, v);
    return to_host(std::as_const(p).view());
  };
  const auto whole = run([&](auto& p, auto& m, auto& v) {
    kernel::run<kernel::Adam, Cuda>("test", kernel::AdamConstants(), numbers.view(),
                                    View<const double, 0, Cuda>(), g.view(), p.view(), m.view(),
                                    v.view());
  });
  const auto narrow = run([&](auto& p, auto& m, auto& v) {
    kernel::check_status(
        "test", device::launch(current_context<Cuda>(), kernel::detail::adam<4, float>, dim3{2},
                               dim3{5}, kernel::AdamConstants(), numbers.data(), nullptr, g.data(),
                               p.data(), m.data(), v.data(), 103));
  });
  CHECK(vcell_test::largest_difference(narrow.values(), whole.values()) == 0);
}

TEMPLATE_TEST_CASE("cuda running_average: a step, and none", "[cuda]", float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  for (const size_t n : sizes)
    for (const bool aligned : {true, false}) {
      check_average<TestType>(n, aligned, 1);
      check_average<TestType>(n, aligned, NAN);
    }
}

TEMPLATE_TEST_CASE("cuda gradient_norm: sum of squares", "[cuda]", float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  for (const size_t n : {0, 1, 300, 4096, 20001}) {
    auto x = random_tensor<TestType, 1>({n}, 1);
    if (n > 299) x[299] = TestType(4e18);  // its square is no float
    const auto device_x = to_device<Cuda>(x);
    Tensor<double, 0> expected;
    kernel::run<kernel::GradientNorm, Cpu>("test", std::as_const(x).view(), expected.view());
    const auto found = in_every_order([&] {
      auto squares = Tensor<double, 0, Cuda>::uninitialized({});
      kernel::run<kernel::GradientNorm, Cuda>("test", device_x.view(), squares.view());
      return to_host(squares.view());
    });
    CHECK(vcell_test::relative_error(found.values(), expected.values()) <= 1e-14);
  }
}

TEMPLATE_TEST_CASE("cuda check_step: reports, factors and bad steps", "[cuda]", float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const TestType inf = std::numeric_limits<TestType>::infinity();
  for (const TestType loss : {TestType(2), inf, TestType(NAN)})
    for (const double squares : {0.0, 4.0, 1e40, double(INFINITY), double(NAN)})
      for (const double max_norm : {0.0, 1.0, 1e3})
        for (const uint64_t bad : {0, 3}) {
          INFO("loss " << loss << ", squares " << squares << ", " << max_norm << ", bad " << bad);
          const auto found = judge<TestType, Cuda>(some_numbers, max_norm, loss, squares, bad);
          const auto expected = judge<TestType, Cpu>(some_numbers, max_norm, loss, squares, bad);
          CHECK(found.bad_step == expected.bad_step);
          CHECK(same(found.factor, expected.factor));
          for (size_t i = 0; i < 4; ++i) {
            CHECK(found.reports[i].step == expected.reports[i].step);
            CHECK(same(found.reports[i].loss, expected.reports[i].loss));
            CHECK(same(found.reports[i].gradient_norm, expected.reports[i].gradient_norm));
          }
        }
}

TEMPLATE_TEST_CASE("cuda dropout: the mask that the CPU has", "[cuda]", float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  for (const size_t n : {0, 1, 2, 3, 4, 6, 1027})
    for (const size_t skip : {0, 1})
      for (const bool numbers : {false, true})
        for (const bool accumulate : {false, true})
          check_dropout<TestType>(n, skip, numbers, accumulate, 0.3f);
  check_dropout<TestType>(100, 0, true, false, 0);
  const auto x = to_device<Cuda>(random_tensor<TestType, 1>({5}, 1));
  kernel::run<kernel::Dropout, Cuda>("test", x.view(), Target<TestType, 1, Cuda>{}, 0.5f,
                                     uint64_t(1), uint64_t(2), View<const StepNumbers, 0, Cuda>());
}
