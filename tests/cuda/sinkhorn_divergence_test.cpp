// The CUDA kernels of sinkhorn_divergence against those of the CPU.
#include "vcell/kernels/sinkhorn_divergence.cuh"

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

template <class T>
struct Batch {
  Tensor<T, 3> x, y;
  Tensor<int32_t, 1> x_lengths{}, y_lengths{};
};

/// @param shape  B, S, T, D
template <class T>
Batch<T> random_batch(const Shape<4>& shape) {
  return {random_tensor<T, 3>({shape[0], shape[1], shape[3]}, 1),
          random_tensor<T, 3>({shape[0], shape[2], shape[3]}, 2)};
}

struct Choice {
  double blur = 0.05, scaling = 0.02;  // few stages: each takes the emulation its time
  bool wants_dx = true, wants_dy = true, adds_dx = false, adds_dy = false, keeps = true;
};

template <class T>
struct Result {
  Tensor<T, 1> e;
  Tensor<T, 3> dx, dy;
  Tensor<double, 3> potentials;

  bool same(const Result& other) const {
    return same_bytes(e, other.e) && same_bytes(dx, other.dx) && same_bytes(dy, other.dy) &&
           same_bytes(potentials, other.potentials);
  }
};

template <class Device, class T>
Result<T> run(const Batch<T>& batch, const Choice& choice = {}) {
  const auto x = to_device<Device>(batch.x), y = to_device<Device>(batch.y);
  const auto of_x = to_device<Device>(batch.x_lengths), of_y = to_device<Device>(batch.y_lengths);
  const size_t sets = x.shape()[0], rows = x.shape()[1] + y.shape()[1];
  const kernel::SetLengths<Device> lengths{
      of_x.count() ? of_x.view() : View<const int32_t, 1, Device>(),
      of_y.count() ? of_y.view() : View<const int32_t, 1, Device>()};
  auto e = to_device<Device>(random_tensor<T, 1>({sets}, 3));
  auto potentials = to_device<Device>(Tensor<double, 3>({sets, 2, rows}));
  kernel::forward<kernel::SinkhornDivergence, Device>(
      "test", x.view(), y.view(), lengths, e.view(),
      choice.keeps ? potentials.view() : View<double, 3, Device>(), choice.blur, choice.scaling);
  const auto g = to_device<Device>(random_tensor<T, 1>({sets}, 4));
  auto dx = to_device<Device>(random_tensor<T, 3>(x.shape(), 5)),
       dy = to_device<Device>(random_tensor<T, 3>(y.shape(), 6));
  using Put = kernel::Target<T, 3, Device>;
  const View<const double, 3, Device> kept = std::as_const(potentials).view();
  kernel::backward<kernel::SinkhornDivergence, Device>(
      "test", g.view(), x.view(), y.view(), lengths, kept,
      choice.wants_dx ? Put{dx.view(), choice.adds_dx} : Put{},
      choice.wants_dy ? Put{dy.view(), choice.adds_dy} : Put{}, choice.blur);
  return {to_host(std::as_const(e).view()), to_host(std::as_const(dx).view()),
          to_host(std::as_const(dy).view()), to_host(kept)};
}

/// @param tolerance  absolute; of potentials, whose rounding grows with the squared norms
template <class T>
void check(const Batch<T>& batch, const Choice& choice, double tolerance, double of_potentials) {
  INFO(message(batch.x.shape(), " and ", batch.y.shape(), ", blur ", choice.blur));
  const auto expected = run<Cpu>(batch, choice), found = run<Cuda>(batch, choice);
  CHECK(difference(found.e, expected.e) <= tolerance);
  CHECK(difference(found.dx, expected.dx) <= tolerance);
  CHECK(difference(found.dy, expected.dy) <= tolerance);
  CHECK(difference(found.potentials, expected.potentials) <= of_potentials);
}

}  // namespace

TEST_CASE("cuda sinkhorn_divergence: value, gradients and potentials", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  check(random_batch<double>({2, 5, 3, 4}), {.scaling = 0.3}, 1e-9, 1e-11);
  check(random_batch<double>({2, 1, 1, 2}), {}, 1e-9, 1e-11);
  check(random_batch<double>({1, 7, 7, 17}), {.blur = 0.5}, 1e-10, 1e-11);
  check(random_batch<double>({1, 33, 2, 16}), {}, 1e-9, 1e-11);
  check(random_batch<float>({1, 3, 40, 70}), {}, 1e-6, 1e-11);
  check(random_batch<double>({1, 4, 5, 3}), {.blur = 100}, 1e-12, 1e-11);
}

TEST_CASE("cuda sinkhorn_divergence: more points than tiles of rows, columns and plans have",
          "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  check(random_batch<double>({1, 140, 66, 3}), {.blur = 1.5}, 1e-11, 1e-11);
}

TEST_CASE("cuda sinkhorn_divergence: the same bytes whatever runs first", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto batch = random_batch<float>({1, 5, 34, 6});
  const auto first = run<Cuda>(batch, {.blur = 1});
  vcell_test::in_several_orders([&] { CHECK(run<Cuda>(batch, {.blur = 1}).same(first)); });
}

TEST_CASE("cuda sinkhorn_divergence: gradients are added or not wanted, potentials not kept",
          "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto batch = random_batch<double>({1, 5, 4, 6});
  for (const Choice& choice :
       std::vector<Choice>{{.blur = 1, .adds_dx = true},
                           {.blur = 1, .wants_dx = false, .adds_dy = true},
                           {.blur = 1, .wants_dy = false},
                           {.blur = 1, .wants_dx = false, .wants_dy = false, .keeps = false}})
    check(batch, choice, 1e-11, 1e-11);
}

TEST_CASE("cuda sinkhorn_divergence: padding is not read and has gradient 0", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  auto batch = random_batch<double>({3, 40, 6, 5});
  batch.x_lengths = Tensor<int32_t, 1>({3}, std::vector<int32_t>{4, 40, 1});
  batch.y_lengths = Tensor<int32_t, 1>({3}, std::vector<int32_t>{6, 2, 3});
  for (size_t b = 0; b < 3; ++b)
    for (size_t c = 0; c < 5; ++c) {
      for (size_t i = size_t(batch.x_lengths[b]); i < 40; ++i) batch.x(b, i, c) = NAN;
      for (size_t i = size_t(batch.y_lengths[b]); i < 6; ++i) batch.y(b, i, c) = 1e6;
    }
  check(batch, {.blur = 0.5, .adds_dx = true, .adds_dy = true}, 1e-10, 1e-11);
  const auto found = run<Cuda>(batch, {.blur = 0.5});
  for (size_t i = 4; i < 40; ++i) CHECK(found.dx(0, i, 4) == 0);
  CHECK(found.dy(1, 5, 0) == 0);
  // One side alone has padding.
  batch = random_batch<double>({2, 3, 4, 5});
  batch.y_lengths = Tensor<int32_t, 1>({2}, std::vector<int32_t>{1, 4});
  check(batch, {.blur = 0.5}, 1e-10, 1e-11);
}

TEST_CASE("cuda sinkhorn_divergence: all in one place, and what is not finite", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  Batch<float> one{Tensor<float, 3>({2, 4, 3}), Tensor<float, 3>({2, 5, 3})};
  for (auto* t : {&one.x, &one.y})
    for (float& v : t->values()) v = 0.1f;
  const auto nothing = run<Cuda>(one);
  for (const auto& t : {nothing.dx, nothing.dy})
    for (const float v : t.values()) CHECK(v == 0);
  CHECK((nothing.e[0] == 0 && nothing.e[1] == 0));
  for (const double v : nothing.potentials.values()) CHECK(v == 0);
  // No coordinates at all.
  CHECK(run<Cuda>(random_batch<float>({2, 3, 2, 0})).e[1] == 0);
  CHECK(run<Cuda>(random_batch<float>({0, 3, 2, 4})).e.count() == 0);

  auto batch = random_batch<double>({2, 5, 4, 3});
  batch.x(1, 2, 0) = NAN;
  check(batch, {.blur = 0.5}, 1e-10, 1e-11);
  const auto touched = run<Cuda>(batch);
  CHECK(std::isfinite(touched.e[0]));
  CHECK(std::isnan(touched.e[1]));
  CHECK(std::isnan(touched.dy(1, 3, 1)));
  batch.x(1, 2, 0) = INFINITY;
  CHECK(std::isnan(run<Cuda>(batch).e[0]));
  check(batch, {.blur = 0.5}, 1e-10, 0);
}

TEST_CASE("cuda sinkhorn_divergence: epsilons beyond the kernels that are started", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  // A diameter of about 2^20 times 3 blurs, and of 2^20 times 10^4, with a scaling that has few.
  const auto scaled = [](double factor) {
    auto batch = random_batch<double>({1, 33, 4, 3});
    for (auto* t : {&batch.x, &batch.y})
      for (double& v : t->values()) v *= factor;
    return batch;
  };
  check(scaled(0x1p20), {.blur = 1, .scaling = 0.02}, 1e-2, 1e-2);
  check(scaled(1e12), {.blur = 1e2, .scaling = 0.02}, 1e10, 1e10);
  // Neither a tiny nor a huge batch runs into what has no logarithm.
  for (const double factor : {1e-170, 1e40}) {
    const Choice choice{.scaling = 0.001};
    const auto e = run<Cuda>(scaled(factor), choice).e,
               expected = run<Cpu>(scaled(factor), choice).e;
    CHECK(e[0] == Approx(expected[0]).epsilon(1e-9));
  }
}

TEST_CASE("cuda sinkhorn_divergence: work beyond the grid", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto& context = current_context<Cuda>();
  const auto batch = random_batch<double>({2, 33, 4, 3});
  const auto x = to_device<Cuda>(batch.x), y = to_device<Cuda>(batch.y);
  const device::SinkhornShape shape{2, 33, 4, 3};
  const auto run_with = [&](dim3 grid) {
    const auto numbers = [](size_t n) { return to_device<Cuda>(Tensor<double, 1>({n})); };
    auto low = numbers(12), high = numbers(12), diameter = numbers(1), norms = numbers(2 * 37),
         loop = numbers(12 * 37), kept = numbers(4 * 37), e = numbers(2), largest = kept,
         sums = kept, totals = numbers(2 * 37 * 3);
    auto dx = to_device<Cuda>(batch.x), dy = to_device<Cuda>(batch.y);
    const auto start = [&](auto function, unsigned threads, auto... arguments) {
      check_status("test", device::launch(context, function, grid, dim3{threads}, arguments...));
    };
    const auto g = to_device<Cuda>(random_tensor<double, 1>({2}, 3));
    start(device::sinkhorn_box<double>, 32, x.data(), y.data(), nullptr, nullptr, low.data(),
          high.data(), shape, 4);
    check_status("test", device::launch(context, device::sinkhorn_diameter<>, dim3{1}, dim3{256},
                                        low.data(), high.data(), diameter.data(), 4, 3));
    start(device::sinkhorn_norms<double>, 64, x.data(), y.data(), nullptr, nullptr, norms.data(),
          shape);
    for (size_t i = 0; i < 2; ++i)
      start(device::sinkhorn_stage<false, double>, 128, x.data(), y.data(), nullptr, nullptr,
            norms.data(), diameter.data(), loop.data(), shape, 0.5, 0.1, i);
    start(device::sinkhorn_rest<double>, 128, x.data(), y.data(), nullptr, nullptr, norms.data(),
          diameter.data(), loop.data(), shape, 0.5, 0.1, 2);
    start(device::sinkhorn_stage<true, double>, 128, x.data(), y.data(), nullptr, nullptr,
          norms.data(), diameter.data(), loop.data(), shape, 0.5, 0.1, 0);
    start(device::sinkhorn_value<double>, 256, loop.data(), nullptr, nullptr, diameter.data(),
          e.data(), kept.data(), shape, 0.5, 0.1);
    start(device::sinkhorn_plan_rows<double>, 128, x.data(), y.data(), nullptr, nullptr,
          norms.data(), kept.data(), largest.data(), sums.data(), shape, 0, 3, 0.25);
    start(device::sinkhorn_gradient<double>, 128, g.data(), x.data(), y.data(), nullptr, nullptr,
          norms.data(), kept.data(), largest.data(), sums.data(), totals.data(), dx.data(),
          dy.data(), false, false, shape, 0, 3, 0.25);
    return std::tuple{to_host(std::as_const(e).view()), to_host(std::as_const(dx).view()),
                      to_host(std::as_const(dy).view())};
  };
  const auto [e, dx, dy] = run_with(dim3{2});
  const auto [many_e, many_dx, many_dy] = run_with(dim3{40});
  CHECK(same_bytes(e, many_e));
  CHECK(same_bytes(dx, many_dx));
  CHECK(same_bytes(dy, many_dy));
  // Whoever takes the stages, launches of their own or the one for the rest: the same bytes.
  CHECK(same_bytes(e, run<Cuda>(batch, {.blur = 0.5, .scaling = 0.1}).e));
}
