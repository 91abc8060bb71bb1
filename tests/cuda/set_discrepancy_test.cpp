// The CUDA kernels of what pairs of sets differ by, against those of the CPU in double.
#include "vcell/kernels/set_discrepancy.cuh"

#include <cmath>
#include <cstring>
#include <vector>

#include "support/catch.hpp"
//
#include "cuda/support/device.hpp"
#include "support/largest_error.hpp"
#include "support/random_tensor.hpp"
#include "vcell/kernels/launch.hpp"
#include "vcell/tensor/copy.hpp"
#include "vcell/tensor/memory_cuda.hpp"

namespace {

using namespace vcell;
using kernel::DiscrepancyForm;
using kernel::EuclideanDistance;
using vcell_test::largest_difference;
using vcell_test::random_tensor;
using vcell_test::relative_error;

constexpr auto energy = DiscrepancyForm::energy();

template <class T>
constexpr double tolerance = std::is_same_v<T, float> ? 4e-6 : 1e-13;

template <class T>
struct Result {
  Tensor<T, 1> e;
  Tensor<T, 3> dx, dy;

  bool operator==(const Result& other) const {
    const auto same = [](const auto& a, const auto& b) {
      return a.count() == 0 || !std::memcmp(a.data(), b.data(), a.count() * sizeof(T));
    };
    return same(e, other.e) && same(dx, other.dx) && same(dy, other.dy);
  }
};

/// A pair of sets, and what else the kernel is called with.
template <class T>
struct Case {
  Tensor<T, 3> x, y;
  std::vector<int32_t> x_lengths = {}, y_lengths = {};
  std::vector<double> sigmas = {};
  DiscrepancyForm form = energy;
  bool accumulate = false;
};

template <class To, int rank, class From>
Tensor<To, rank> converted(const Tensor<From, rank>& from) {
  Tensor<To, rank> to(from.shape());
  for (size_t i = 0; i < from.count(); ++i) to.data()[i] = To(from.data()[i]);
  return to;
}

template <class Device, class T, int rank>
Tensor<T, rank, Device> on(const Tensor<T, rank>& x) {
  if constexpr (std::is_same_v<Device, Cpu>)
    return x;
  else
    return to_device<Device>(x);
}

/// Gradients of the values.
template <class T>
Tensor<T, 1> upstream(size_t sets) {
  Tensor<T, 1> g({sets});
  for (size_t b = 0; b < sets; ++b) g[b] = T(b % 2 ? -0.5 : 2) + T(b);
  return g;
}

/// Both directions on a device, in T.
template <class Device, class T, class From, class F>
Result<T> run(const Case<From>& c, const F& function) {
  const auto tensor = [](const auto& numbers, auto zero) {
    Tensor<decltype(zero), 1> t({numbers.size()});
    for (size_t i = 0; i < numbers.size(); ++i) t[i] = decltype(zero)(numbers[i]);
    return on<Device>(t);
  };
  const size_t sets = c.x.shape(0);
  const auto x = on<Device>(converted<T>(c.x)), y = on<Device>(converted<T>(c.y));
  const auto g = on<Device>(upstream<T>(sets));
  const auto sigmas = tensor(c.sigmas, T());
  const auto x_lengths = tensor(c.x_lengths, int32_t()), y_lengths = tensor(c.y_lengths, int32_t());
  kernel::SetLengths<Device> lengths;
  if (!c.x_lengths.empty()) lengths.x = x_lengths.view();
  if (!c.y_lengths.empty()) lengths.y = y_lengths.view();
  const View<const T, 1, Device> sigma_view =
      c.sigmas.empty() ? View<const T, 1, Device>() : sigmas.view();
  const auto before = [&](const Tensor<From, 3>& like, uint64_t seed) {
    auto t = random_tensor<T, 3>(like.shape(), seed);
    if (!c.accumulate)
      for (T& v : t.values()) v = T(NAN);  // assigned, so never read
    return on<Device>(t);
  };
  auto e = on<Device>(Tensor<T, 1>({sets}));
  auto dx = before(c.x, 5), dy = before(c.y, 6);
  kernel::forward<kernel::SetDiscrepancy, Device>("test", x.view(), y.view(), lengths, e.view(),
                                                  function, sigma_view, c.form);
  kernel::backward<kernel::SetDiscrepancy, Device>(
      "test", g.view(), x.view(), y.view(), lengths,
      kernel::Target<T, 3, Device>{dx.view(), c.accumulate},
      kernel::Target<T, 3, Device>{dy.view(), c.accumulate}, function, sigma_view, c.form);
  if constexpr (std::is_same_v<Device, Cpu>)
    return {e, dx, dy};
  else
    return {to_host(e.view()), to_host(dx.view()), to_host(dy.view())};
}

/// @param looser  how many times the tolerance is allowed
template <class T, class F>
void check(const Case<T>& c, const F& function, double looser = 1) {
  INFO(c.x.shape(1) << " and " << c.y.shape(1) << " points of " << c.x.shape(2));
  const auto expected = run<Cpu, double>(c, function);
  auto all = c;  // what e is the sum of
  all.form.across = std::abs(all.form.across);
  all.form.within = std::abs(all.form.within);
  const double size = vcell_test::largest_magnitude(run<Cpu, double>(all, function).e.values());
  for (const Precision precision : {Precision::float32, Precision::tf32}) {
    // Tensor cores have float alone, and cost the emulation much.
    if (precision != Precision::float32 &&
        (!std::is_same_v<T, float> || c.x.count() + c.y.count() > 1100))
      continue;
    INFO("precision " << int(precision));
    const Context<Cuda> context(precision);
    const UseContext use(context);
    const auto found = run<Cuda, T>(c, function);
    const double allowed = tolerance<T> * looser;
    CHECK(largest_difference(found.e.values(), expected.e.values()) <= allowed * size);
    CHECK(relative_error(found.dx.values(), expected.dx.values()) < allowed);
    CHECK(relative_error(found.dy.values(), expected.dy.values()) < allowed);
  }
}

template <class T>
Tensor<T, 3> moved(Tensor<T, 3> x, double factor, double shift) {
  for (T& v : x.values()) v = T(double(v) * factor + shift);
  return x;
}

/// Points about a few centres each, far less wide than these are apart.
template <class T>
Tensor<T, 3> clusters(const Shape<3>& shape, size_t centres, uint64_t seed) {
  const auto centre = random_tensor<double, 2>({centres, shape[2]}, 77);
  auto x = random_tensor<T, 3>(shape, seed);
  for (size_t i = 0; i < shape[0] * shape[1]; ++i)
    for (size_t c = 0; c < shape[2]; ++c) {
      T& v = x.data()[i * shape[2] + c];
      v = T(10 * centre((i * 5 + i / 7) % centres, c) + 0.01 * double(v));
    }
  return x;
}

/// Cells as counts make them: many zeros, a common mean far from 0, some cells many times.
template <class T>
Tensor<T, 3> expression(const Shape<3>& shape, uint64_t seed) {
  const auto mean = random_tensor<double, 1>({shape[2]}, 5);
  auto x = random_tensor<T, 3>(shape, seed);
  for (size_t b = 0; b < shape[0]; ++b)
    for (size_t i = 0; i < shape[1]; ++i)
      for (size_t c = 0; c < shape[2]; ++c) {
        T& v = x(b, i, c);
        v = i % 9 == 8 ? x(b, i - 4, c)
                       : T(std::max(0.0, 2 * std::abs(mean[c]) * 3 + 0.5 * double(v) - 1));
      }
  return x;
}

/// How many near pairs are found in each pair of tiles.
template <bool on_tensor_cores>
__global__ void count_near(device::SetPairs shape, const float* x, const float* y, unsigned* near) {
  const device::SetCells<float> cells{x, y, nullptr, nullptr, shape};
  VCELL_SHARED(device::Four<float>, memory, device::point_tile_memory<float>);
  const unsigned found = device::for_pair_squares<on_tensor_cores>(
      cells, 0, device::TilePair(blockIdx.x), memory, [](unsigned, unsigned, float, bool) {});
  if (threadIdx.x == 0) near[blockIdx.x] = found;
}
template <bool on_tensor_cores>
std::vector<unsigned> near_pairs(const Tensor<float, 3>& x, const Tensor<float, 3>& y) {
  const device::SetPairs shape{1, x.shape(1), y.shape(1), x.shape(2)};
  const auto device_x = to_device<Cuda>(x), device_y = to_device<Cuda>(y);
  auto near = Tensor<unsigned, 1, Cuda>::uninitialized({shape.tile_pairs()});
  kernel::check_status(
      "test", device::launch(current_context<Cuda>(), count_near<on_tensor_cores>,
                             dim3{unsigned(shape.tile_pairs())}, dim3{device::tile_threads}, shape,
                             device_x.data(), device_y.data(), near.data()));
  const auto found = to_host(std::as_const(near).view());
  return {found.values().begin(), found.values().end()};
}

template <class T>
Case<T> random_case(const Shape<3>& x, size_t y_cells) {
  return {random_tensor<T, 3>(x, 1), random_tensor<T, 3>({x[0], y_cells, x[2]}, 2)};
}

}  // namespace

TEMPLATE_TEST_CASE("cuda set_discrepancy: tiles of every size", "[cuda]", float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  for (const auto& [s, t, d] : std::vector<Shape<3>>{
           {1, 1, 1}, {1, 33, 7}, {33, 1, 16}, {64, 2, 20}, {65, 70, 3}, {4, 3, 70}})
    check(random_case<TestType>({s == 1 ? size_t(3) : 1, s, d}, t), EuclideanDistance());
  check(random_case<TestType>({0, 3, 4}, 2), EuclideanDistance());
  check(random_case<TestType>({2, 3, 0}, 2), EuclideanDistance());
}

TEMPLATE_TEST_CASE("cuda set_discrepancy: every function and form", "[cuda]", float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  auto c = random_case<TestType>({1, 40, 9}, 33);
  check(c, EuclideanDistance{4});
  c.form = DiscrepancyForm::mean_across();
  if constexpr (std::is_same_v<TestType, float>) check(c, kernel::SquaredDistance());
  c.sigmas = {0.5, 3, 20};
  for (const auto& form :
       {DiscrepancyForm::squared_mmd(true), DiscrepancyForm::squared_mmd(false)}) {
    c.form = form;
    check(c, kernel::GaussianKernel());
    if constexpr (std::is_same_v<TestType, float>) check(c, kernel::LaplacianKernel());
  }
}

TEST_CASE("cuda set_discrepancy: float keeps its digits wherever sets lie", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const Shape<3> xs{1, 40, 16}, ys{1, 25, 16};
  const auto x = random_tensor<float, 3>(xs, 1), y = random_tensor<float, 3>(ys, 2);
  const EuclideanDistance f;
  for (const double shift : {0., 1000.})  // both far off, or apart
    check<float>({moved(x, 1, 1000), moved(y, 1, shift)}, f);
  check<float>({moved(x, 1e-3, 30), y}, f);
  check<float>({x, moved(y, 1e-4, -20)}, f);
  for (const size_t centres : {3, 16})
    check<float>({clusters<float>(xs, centres, 1), clusters<float>(ys, centres, 2)}, f, 2);
  check<float>({expression<float>(xs, 1), expression<float>(ys, 2)}, f);
  // One point of x among those of y, the others far off: what cancels is not the point itself.
  auto out = moved(x, 1, 300);
  for (size_t c = 0; c < 16; ++c) out(0, 3, c) = x(0, 3, c);
  check<float>({out, y}, f);
  // Two points 1e-6 apart, in a set and across.
  auto u = moved(x, 10, 0), v = moved(y, 10, 0);
  for (size_t c = 0; c < 16; ++c) {
    u(0, 8, c) = u(0, 1, c);
    v(0, 6, c) = u(0, 4, c);
  }
  u(0, 8, 3) = std::nextafter(u(0, 8, 3), 100.f);
  v(0, 6, 5) = std::nextafter(v(0, 6, 5), 100.f);
  check<float>({u, v}, f);
}

TEST_CASE("cuda set_discrepancy: a set differs from itself by nothing", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto x = expression<double>({2, 70, 30}, 1);
  const auto r = run<Cuda, double>(Case<double>{x, x}, EuclideanDistance());
  CHECK(vcell_test::largest_magnitude(r.e.values()) < 1e-13);
  const auto same = moved(x, 0, 3);
  const auto nothing = run<Cuda, double>(Case<double>{same, same}, EuclideanDistance());
  CHECK(vcell_test::largest_magnitude(nothing.e.values()) == 0);
  CHECK(vcell_test::largest_magnitude(nothing.dx.values()) == 0);
}

TEST_CASE("cuda set_discrepancy: the floor counts for far and for near pairs", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto c = random_case<double>({2, 30, 6}, 37);
  for (const double floor : {4., 14.}) check(c, EuclideanDistance{floor});
  const Case<double> near{clusters<double>({1, 30, 6}, 3, 1), clusters<double>({1, 37, 6}, 3, 2)};
  for (const double floor : {4e-4, 1.2e-3}) check(near, EuclideanDistance{floor});
  const auto all = run<Cuda, double>(c, EuclideanDistance{1e4});
  CHECK(vcell_test::largest_magnitude(all.dx.values()) == 0);
}

TEMPLATE_TEST_CASE("cuda set_discrepancy: sets of several lengths", "[cuda]", float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto pad = [](Tensor<TestType, 3> t, const std::vector<int32_t>& lengths) {
    for (size_t b = 0; b < lengths.size(); ++b)
      for (size_t i = size_t(lengths[b]); i < t.shape(1); ++i)
        std::fill_n(&t(b, i, 0), t.shape(2), TestType(NAN));
    return t;
  };
  const std::vector<int32_t> of_x{64, 1, 70}, of_y{49, 65, 1};
  const Shape<3> xs{3, 70, 5}, ys{3, 66, 5};
  const Case<TestType> far{pad(random_tensor<TestType, 3>(xs, 1), of_x),
                           pad(random_tensor<TestType, 3>(ys, 2), of_y), of_x, of_y};
  check(far, EuclideanDistance(), 2);
  Case<TestType> near{pad(clusters<TestType>(xs, 3, 1), of_x),
                      pad(clusters<TestType>(ys, 3, 2), of_y), of_x, of_y};
  near.accumulate = true;
  check(near, EuclideanDistance(), 2);
  near.form = DiscrepancyForm::mean_across();
  if constexpr (std::is_same_v<TestType, float>) check(near, EuclideanDistance(), 2);
}

TEST_CASE("cuda set_discrepancy: gradients are assigned, added to, or left", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  using T = double;
  const auto x = random_tensor<T, 3>({3, 33, 9}, 1), y = random_tensor<T, 3>({3, 20, 9}, 2);
  const auto assigned = run<Cuda, T>(Case<T>{x, y}, EuclideanDistance());
  const auto device_x = to_device<Cuda>(x), device_y = to_device<Cuda>(y);
  const auto g = to_device<Cuda>(Tensor<T, 1>({3}, std::vector<T>{2, 0.5, 4}));
  for (const bool want_x : {false, true})
    for (const bool want_y : {false, true}) {
      const auto before_x = random_tensor<T, 3>(x.shape(), 5),
                 before_y = random_tensor<T, 3>(y.shape(), 6);
      auto dx = to_device<Cuda>(before_x), dy = to_device<Cuda>(before_y);
      kernel::Target<T, 3, Cuda> to_x{dx.view(), true}, to_y{dy.view(), false};
      if (!want_x) to_x.view.data = nullptr;
      if (!want_y) to_y.view.data = nullptr;
      kernel::backward<kernel::SetDiscrepancy, Cuda>(
          "test", g.view(), device_x.view(), device_y.view(), kernel::SetLengths<Cuda>(), to_x,
          to_y, EuclideanDistance(), View<const T, 1, Cuda>(), energy);
      auto expected_x = before_x, expected_y = want_y ? assigned.dy : before_y;
      for (size_t i = 0; want_x && i < x.count(); ++i)
        expected_x.data()[i] += assigned.dx.data()[i];
      CHECK(largest_difference(to_host(dx.view()).values(), expected_x.values()) < 1e-13);
      CHECK(largest_difference(to_host(dy.view()).values(), expected_y.values()) == 0);
    }
}

TEST_CASE("cuda set_discrepancy: the same bytes in every order", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const Case<float> c{expression<float>({2, 9, 6}, 1), random_tensor<float, 3>({2, 5, 6}, 2)};
  for (const Precision precision : {Precision::float32, Precision::tf32}) {
    const Context<Cuda> context(precision);
    const UseContext use(context);
    const auto first = run<Cuda, float>(c, EuclideanDistance());
    if (precision == Precision::float32)
      vcell_test::in_several_orders(
          [&] { CHECK(run<Cuda, float>(c, EuclideanDistance()) == first); });
    else
      CHECK(run<Cuda, float>(c, EuclideanDistance()) == first);
  }
}

TEST_CASE("cuda set_discrepancy: weights of some sets, or of some rows of tiles, at a time",
          "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  constexpr size_t tile = 64 * 64 * sizeof(float);
  struct Some {
    Shape<3> x;
    size_t y_cells, most;
  };
  // Of 3 pairs of sets 2 at a time and then 1; of 3 + 1 tiles 2 rows, or as little as there may be.
  for (const Some& some :
       {Some{{3, 9, 6}, 5, 2 * 4 * tile}, Some{{1, 130, 3}, 5, 9 * tile}, Some{{1, 65, 2}, 3, 0}}) {
    Case<float> c{expression<float>(some.x, 1),
                  random_tensor<float, 3>({some.x[0], some.y_cells, some.x[2]}, 2)};
    const auto expected = run<Cuda, float>(c, EuclideanDistance());
    const auto& context = current_context<Cuda>();
    const auto x = to_device<Cuda>(c.x), y = to_device<Cuda>(c.y);
    const auto g = to_device<Cuda>(upstream<float>(some.x[0]));
    auto dx = to_device<Cuda>(Tensor<float, 3>(c.x.shape())),
         dy = to_device<Cuda>(Tensor<float, 3>(c.y.shape()));
    const kernel::Target<float, 3, Cuda> to_x{dx.view()}, to_y{dy.view()};
    using Launches = kernel::detail::DiscrepancyLaunches<false>;
    const device::SetPairs shape{some.x[0], some.x[1], some.y_cells, some.x[2]};
    const size_t bytes = Launches::backward_scratch<float>(shape, to_x, to_y, some.most);
    CHECK(bytes < std::max(some.most, shape.tiles() * tile) * 33 / 32 + 1024);
    Buffer<std::byte, Cuda> scratch(bytes);
    kernel::check_status("test",
                         Launches::backward(context, g.view(), x.view(), y.view(), {}, to_x, to_y,
                                            EuclideanDistance(), {}, energy, some.most,
                                            Scratch<Cuda>{scratch.data(), {scratch.count()}}));
    CHECK(largest_difference(to_host(dx.view()).values(), expected.dx.values()) == 0);
    CHECK(largest_difference(to_host(dy.view()).values(), expected.dy.values()) == 0);
  }
}

TEST_CASE("cuda set_discrepancy: pairs that are near are counted, cells are not near themselves",
          "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  auto x = random_tensor<float, 3>({1, 66, 20}, 1), y = random_tensor<float, 3>({1, 2, 20}, 2);
  const std::vector<unsigned> none(6);
  CHECK(near_pairs<false>(x, y) == none);
  CHECK(near_pairs<true>(x, y) == none);
  const auto copy = [&](Tensor<float, 3>& to, size_t i) {
    std::copy_n(&x(0, 3, 0), 20, &to(0, i, 0));
  };
  copy(x, 7);
  copy(x, 65);
  copy(y, 1);
  // Pairs of tiles: x0 x0, x1 x0, x1 x1, y x0, y x1, y y.
  const std::vector<unsigned> some{2, 2, 0, 2, 1, 0};
  CHECK(near_pairs<false>(x, y) == some);
  CHECK(near_pairs<true>(x, y) == some);
  for (size_t i = 20; i < 40; ++i) std::fill_n(&x(0, i, 0), 20, 0.f);  // more than a few
  CHECK(near_pairs<false>(x, y)[0] == 2 + 20 * 19);
}

TEST_CASE("cuda set_discrepancy: what is not a number shows", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  auto c = random_case<float>({3, 6, 20}, 5);
  c.x(1, 2, 3) = NAN;
  c.x(2, 0, 19) = INFINITY;
  for (const Precision precision : {Precision::float32, Precision::tf32}) {
    const Context<Cuda> context(precision);
    const UseContext use(context);
    const auto r = run<Cuda, float>(c, EuclideanDistance());
    CHECK(std::isfinite(r.e(0)));
    for (const size_t b : {1, 2}) {
      CHECK(std::isnan(r.e(b)));
      CHECK(std::isnan(r.dx(b, 2, 3)) == (b == 1));
      CHECK_FALSE(std::isfinite(r.dy(b, 0, b == 1 ? 3 : 19)));
    }
  }
}
