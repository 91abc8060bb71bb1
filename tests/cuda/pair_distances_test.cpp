// The CUDA kernels of median and Manhattan distances against those of the CPU in double.
#include <cmath>
#include <cstring>
#include <vector>

#include "support/catch.hpp"
#include "vcell/kernels/manhattan_distance.cuh"
#include "vcell/kernels/median_distance.cuh"
//
#include "cuda/support/device.hpp"
#include "support/largest_error.hpp"
#include "support/random_tensor.hpp"
#include "vcell/kernels/launch.hpp"
#include "vcell/tensor/copy.hpp"
#include "vcell/tensor/memory_cuda.hpp"

namespace {

using namespace vcell;
using vcell_test::largest_difference;
using vcell_test::random_tensor;
using vcell_test::relative_error;

template <class T>
constexpr double tolerance = std::is_same_v<T, float> ? 2e-6 : 1e-14;

template <class Device, class To, class From, int rank>
Tensor<To, rank, Device> on(const Tensor<From, rank>& from) {
  Tensor<To, rank> to(from.shape());
  for (size_t i = 0; i < from.count(); ++i) to.data()[i] = To(from.data()[i]);
  if constexpr (std::is_same_v<Device, Cpu>)
    return to;
  else
    return to_device<Device>(to);
}

/// Two batches of sets, and how many cells of each are no padding.
template <class T>
struct Sets {
  Tensor<T, 3> x, y;
  std::vector<int32_t> x_lengths = {}, y_lengths = {};
};

template <class Device>
struct Lengths {
  explicit Lengths(const std::vector<int32_t>& x_lengths, const std::vector<int32_t>& y_lengths) {
    const auto put = [](const std::vector<int32_t>& from, Tensor<int32_t, 1, Device>& to) {
      Tensor<int32_t, 1> t({from.size()}, std::span<const int32_t>(from));
      to = on<Device, int32_t>(t);
    };
    put(x_lengths, x);
    put(y_lengths, y);
    if (!x_lengths.empty()) views.x = x.view();
    if (!y_lengths.empty()) views.y = y.view();
  }
  Tensor<int32_t, 1, Device> x, y;
  kernel::SetLengths<Device> views;
};

template <class T>
Sets<T> random_sets(const Shape<3>& x, size_t y_cells) {
  return {random_tensor<T, 3>(x, 1), random_tensor<T, 3>({x[0], y_cells, x[2]}, 2)};
}

/// Of 3 sets, with not-a-number where the padding is.
template <class T>
Sets<T> padded_sets() {
  auto sets = random_sets<T>({3, 70, 5}, 40);
  sets.x_lengths = {70, 1, 64};
  sets.y_lengths = {33, 40, 2};
  for (size_t b = 0; b < 3; ++b) {
    for (size_t i = size_t(sets.x_lengths[b]); i < 70; ++i)
      std::fill_n(&sets.x(b, i, 0), 5, T(NAN));
    for (size_t i = size_t(sets.y_lengths[b]); i < 40; ++i)
      std::fill_n(&sets.y(b, i, 0), 5, T(NAN));
  }
  return sets;
}

/// Widths of 1 and 3 times the median.
template <class Device, class T, class From>
Tensor<T, 1> median(const Sets<From>& sets) {
  const auto x = on<Device, T>(sets.x), y = on<Device, T>(sets.y);
  const Lengths<Device> lengths(sets.x_lengths, sets.y_lengths);
  auto sigmas = on<Device, T>(Tensor<T, 1>({2}, std::vector<T>{1, 3}));
  kernel::run<kernel::MedianDistance, Device>("test", x.view(), y.view(), lengths.views,
                                              sigmas.view());
  if constexpr (std::is_same_v<Device, Cpu>)
    return sigmas;
  else
    return to_host(sigmas.view());
}

template <class T>
void check_median(const Sets<T>& sets) {
  CHECK(relative_error(median<Cuda, T>(sets).values(), median<Cpu, double>(sets).values()) <
        tolerance<T>);
}

template <class T>
struct Manhattan {
  Tensor<T, 1> e;
  Tensor<T, 3> dx, dy;
};

template <class Device, class T, class From>
Manhattan<T> manhattan(const Sets<From>& sets, bool accumulate) {
  const size_t count = sets.x.shape(0);
  const auto x = on<Device, T>(sets.x), y = on<Device, T>(sets.y);
  const Lengths<Device> lengths(sets.x_lengths, sets.y_lengths);
  const auto g = on<Device, T>(random_tensor<float, 1>({count}, 3));
  auto e = on<Device, T>(Tensor<T, 1>({count}));
  const auto before = [&](const Tensor<From, 3>& like, uint64_t seed) {
    auto t = random_tensor<float, 3>(like.shape(), seed);
    if (!accumulate)
      for (float& v : t.values()) v = NAN;  // assigned, so never read
    return on<Device, T>(t);
  };
  auto dx = before(sets.x, 4), dy = before(sets.y, 5);
  kernel::forward<kernel::ManhattanDistance, Device>("test", x.view(), y.view(), lengths.views,
                                                     e.view());
  kernel::backward<kernel::ManhattanDistance, Device>(
      "test", g.view(), x.view(), y.view(), lengths.views,
      kernel::Target<T, 3, Device>{dx.view(), accumulate},
      kernel::Target<T, 3, Device>{dy.view(), accumulate});
  if constexpr (std::is_same_v<Device, Cpu>)
    return {e, dx, dy};
  else
    return {to_host(e.view()), to_host(dx.view()), to_host(dy.view())};
}

template <class T>
void check_manhattan(const Sets<T>& sets) {
  for (const bool accumulate : {false, true}) {
    const auto expected = manhattan<Cpu, double>(sets, accumulate);
    const auto found = manhattan<Cuda, T>(sets, accumulate);
    CHECK(relative_error(found.e.values(), expected.e.values()) < tolerance<T>);
    CHECK(relative_error(found.dx.values(), expected.dx.values()) < tolerance<T>);
    CHECK(relative_error(found.dy.values(), expected.dy.values()) < tolerance<T>);
  }
}

}  // namespace

TEMPLATE_TEST_CASE("cuda median_distance: sets of every size", "[cuda]", float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  for (const auto& [b, s, t, d] :
       std::vector<Shape<4>>{{1, 1, 1, 1}, {2, 1, 2, 3}, {1, 2, 2, 17}, {1, 65, 20, 3}})
    check_median(random_sets<TestType>({b, s, d}, t));
  check_median(padded_sets<TestType>());
}

TEST_CASE("cuda median_distance: cells in one place do not count", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  auto sets = random_sets<float>({1, 20, 4}, 10);
  for (size_t i = 1; i < 18; ++i) std::copy_n(&sets.x(0, 0, 0), 4, &sets.x(0, i, 0));
  check_median(sets);
  for (float& v : sets.x.values()) v = 3;
  for (float& v : sets.y.values()) v = 3;
  vcell_test::in_several_orders([&] { CHECK(median<Cuda, float>(sets)[1] == 3); });
  const auto same = median<Cuda, float>(sets);
  CHECK(same[0] == 1);
  CHECK(same[1] == 3);
  CHECK(median<Cuda, float>(random_sets<float>({0, 3, 2}, 2))[1] == 3);
}

TEST_CASE("cuda median_distance: on tensor cores", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const Context<Cuda> context(Precision::tf32);
  const UseContext use(context);
  const auto sets = random_sets<float>({1, 20, 12}, 10);
  CHECK(relative_error(median<Cuda, float>(sets).values(), median<Cpu, double>(sets).values()) <
        tolerance<float>);
}

TEMPLATE_TEST_CASE("cuda manhattan_distance: value and gradients", "[cuda]", float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  for (const auto& [b, s, t, d] : std::vector<Shape<4>>{
           {3, 1, 1, 1}, {2, 1, 33, 7}, {1, 130, 65, 5}, {1, 33, 2, 70}, {2, 4, 3, 200}}) {
    auto sets = random_sets<TestType>({b, s, d}, t);
    sets.y(0, 0, 0) = sets.x(0, 0, 0);  // whose gradient is 0
    check_manhattan(sets);
  }
  check_manhattan(padded_sets<TestType>());
  check_manhattan(random_sets<TestType>({0, 3, 2}, 2));
  check_manhattan(random_sets<TestType>({2, 3, 0}, 2));
}

TEST_CASE("cuda manhattan_distance: the same bytes in every order, null gradients", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto sets = random_sets<float>({2, 70, 9}, 20);
  const auto first = manhattan<Cuda, float>(sets, false);
  vcell_test::in_several_orders([&] {
    const auto again = manhattan<Cuda, float>(sets, false);
    CHECK(largest_difference(again.e.values(), first.e.values()) == 0);
    CHECK(largest_difference(again.dx.values(), first.dx.values()) == 0);
  });
  const auto x = to_device<Cuda>(sets.x), y = to_device<Cuda>(sets.y);
  const auto g = to_device<Cuda>(Tensor<float, 1>({2}));
  kernel::backward<kernel::ManhattanDistance, Cuda>(
      "test", g.view(), x.view(), y.view(), kernel::SetLengths<Cuda>(),
      kernel::Target<float, 3, Cuda>(), kernel::Target<float, 3, Cuda>());
}
