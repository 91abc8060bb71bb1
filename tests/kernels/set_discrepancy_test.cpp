#include "vcell/kernels/set_discrepancy.hpp"

#include <cmath>
#include <cstring>
#include <vector>

#include "support/largest_error.hpp"
#include "support/random_tensor.hpp"
#include "support/threads.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

using Discrepancy = kernel::SetDiscrepancy<Cpu>;
constexpr auto energy = kernel::DiscrepancyForm::energy();

template <class T>
struct Result {
  Tensor<T, 1> e;
  Tensor<T, 3> dx, dy;

  std::vector<T> all() const {
    std::vector<T> v(e.view().begin(), e.view().end());
    v.insert(v.end(), dx.view().begin(), dx.view().end());
    v.insert(v.end(), dy.view().begin(), dy.view().end());
    return v;
  }
};

template <class T>
Tensor<T, 1> cotangent(size_t sets) {
  Tensor<T, 1> g({sets});
  for (size_t b = 0; b < sets; ++b) g(b) = T(b % 2 ? -0.5 : 2) + T(b);
  return g;
}

template <class T>
size_t scratch_bytes_of(const Tensor<T, 3>& x, const Tensor<T, 3>& y) {
  return kernel::CentredSets<T>::scratch_bytes({}, x.shape(), y.shape());
}

/// The kernel on scratch that is full of what is not a number, with a margin that must stay.
template <class T>
Result<T> run(const Tensor<T, 3>& x, const Tensor<T, 3>& y, double floor_squared = 0,
              const kernel::SetLengths<>& lengths = {}) {
  Result<T> r{Tensor<T, 1>({x.shape(0)}), Tensor<T, 3>(x.shape()), Tensor<T, 3>(y.shape())};
  for (auto* t : {&r.dx, &r.dy})
    for (T& v : t->values()) v = T(NAN);  // assigned, so never read
  const auto g = cotangent<T>(x.shape(0));
  const Context<Cpu> context;
  const size_t bytes = scratch_bytes_of(x, y);
  constexpr size_t margin = 256;
  Buffer<std::byte, Cpu> scratch(bytes + margin);
  std::memset(scratch.data(), 0xff, bytes + margin);
  CHECK(Discrepancy::forward<T>(context, x.view(), y.view(), lengths, r.e.view(),
                                kernel::EuclideanDistance{floor_squared}, {}, energy,
                                {scratch.data(), {bytes}})
            .ok());
  std::memset(scratch.data(), 0xff, bytes);
  CHECK(Discrepancy::backward<T>(context, g.view(), x.view(), y.view(), lengths, {r.dx.view()},
                                 {r.dy.view()}, kernel::EuclideanDistance{floor_squared}, {},
                                 energy, {scratch.data(), {bytes}})
            .ok());
  size_t touched = 0;
  for (size_t i = 0; i < margin; ++i) touched += scratch.data()[bytes + i] != std::byte(0xff);
  CHECK(touched == 0);
  return r;
}

/// Three loops in long double.
struct Plain {
  double floor_squared;
  Tensor<double, 1> e;
  Tensor<double, 3> dx, dy;
  size_t constant = 0;      // pairs at the floor
  double largest_mean = 0;  // distance within or across: what errors of e are compared with

  template <class T>
  Plain(const Tensor<T, 3>& x, const Tensor<T, 3>& y, double floor)
      : floor_squared(floor), e({x.shape(0)}), dx(x.shape()), dy(y.shape()) {
    const auto g = cotangent<double>(x.shape(0));
    for (size_t b = 0; b < x.shape(0); ++b) {
      const auto u = x.view()[b], v = y.view()[b];
      const double n = double(x.shape(1)), m = double(y.shape(1));
      add(b, g(b) / (n * m), 1 / (n * m), u, v, dx.view()[b], dy.view()[b]);
      add(b, -0.5 * g(b) / (n * n), -0.5 / (n * n), u, u, dx.view()[b], dx.view()[b]);
      add(b, -0.5 * g(b) / (m * m), -0.5 / (m * m), v, v, dy.view()[b], dy.view()[b]);
    }
  }

 private:
  template <class T>
  void add(size_t b, double weight, double share, View<const T, 2> u, View<const T, 2> v,
           View<double, 2> du, View<double, 2> dv) {
    long double sum = 0;
    for (size_t i = 0; i < u.shape[0]; ++i)
      for (size_t j = 0; j < v.shape[0]; ++j) {
        long double square = 0;
        for (size_t c = 0; c < u.shape[1]; ++c) {
          const long double difference = (long double)(u(i, c)) - (long double)(v(j, c));
          square += difference * difference;
        }
        sum += std::sqrt(std::max(square, (long double)(floor_squared)));
        constant += square <= floor_squared;
        if (square <= floor_squared) continue;
        for (size_t c = 0; c < u.shape[1]; ++c) {
          const double d = weight / double(std::sqrt(square)) * (double(u(i, c)) - double(v(j, c)));
          du(i, c) += d;
          dv(j, c) -= d;
        }
      }
    e(b) += double(share * sum);
    largest_mean = std::max(largest_mean, double(std::abs(share) * sum));
  }
};

template <class T>
void check(const Tensor<T, 3>& x, const Tensor<T, 3>& y, double floor_squared = 0,
           double tolerance = std::is_same_v<T, float> ? 4e-6 : 1e-13) {
  const auto found = run(x, y, floor_squared);
  const Plain plain(x, y, floor_squared);
  INFO(x.shape(1) << " and " << y.shape(1) << " points of " << x.shape(2));
  CHECK(largest_difference(found.e.view(), plain.e.view()) <= tolerance * plain.largest_mean);
  CHECK(relative_error(found.dx.view(), plain.dx.view()) < tolerance);
  CHECK(relative_error(found.dy.view(), plain.dy.view()) < tolerance);
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

/// Where cells lie: in clusters of these shares of them, in random order.
struct Places {
  std::vector<double> shares;
  double width = 0.01, shift = 0;
  uint64_t seed = 77;  // of the places themselves, 10 from the shift along every gene
};

template <class T>
Tensor<T, 3> in_places(const Shape<3>& shape, const Places& places, uint64_t seed) {
  const auto centre = random_tensor<double, 2>({places.shares.size(), shape[2]}, places.seed);
  auto x = random_tensor<T, 3>(shape, seed);
  Rng rng(seed, 1);
  for (size_t b = 0; b < shape[0]; ++b)
    for (size_t i = 0; i < shape[1]; ++i) {
      double left = rng.uniform();
      size_t k = 0;
      while (k + 1 < places.shares.size() && left >= places.shares[k]) left -= places.shares[k++];
      for (size_t c = 0; c < shape[2]; ++c)
        x(b, i, c) = T(10 * centre(k, c) + places.width * double(x(b, i, c)) + places.shift);
    }
  return x;
}

const std::vector<std::vector<double>> uneven_shares{
    {0.5, 0.5}, {0.95, 0.05}, {0.6, 0.3, 0.1}, {0.4, 0.25, 0.15, 0.1, 0.1}};

}  // namespace

TEST_CASE("kernel energy_distance: tiles of every size against plain loops", "[kernels]") {
  for (const auto& [s, t, d] : std::vector<Shape<3>>{{1, 1, 1},
                                                     {1, 2, 3},
                                                     {5, 4, 15},
                                                     {63, 64, 16},
                                                     {65, 129, 17},
                                                     {128, 127, 5},
                                                     {130, 300, 2},
                                                     {257, 31, 1030},
                                                     {520, 515, 3}}) {
    const Shape<3> xs{s < 100 ? size_t(3) : 1, s, d}, ys{xs[0], t, d};
    check(random_tensor<double, 3>(xs, 1), random_tensor<double, 3>(ys, 2));
    check(clusters<double>(xs, 3, 1), clusters<double>(ys, 3, 2));
  }
  check(random_tensor<double, 3>({0, 3, 4}, 1), random_tensor<double, 3>({0, 2, 4}, 2));
  const auto nothing = run(Tensor<double, 3>({2, 3, 0}), Tensor<double, 3>({2, 2, 0}));
  CHECK(largest_magnitude(nothing.e.view()) == 0);
}

TEST_CASE("kernel energy_distance: float keeps its digits wherever sets lie", "[kernels]") {
  const Shape<3> xs{2, 70, 50}, ys{2, 45, 50};
  const auto x = random_tensor<float, 3>(xs, 1), y = random_tensor<float, 3>(ys, 2);
  check(x, y);
  for (const double shift : {0., 1000.})  // both far off, or apart
    check(moved(x, 1, 1000), moved(y, 1, shift));
  // As from a fresh model: all points of x nearly the same, far from y.
  check(moved(x, 1e-3, 0.5), y);
  check(moved(x, 1e-3, 30), y);
  check(x, moved(y, 1e-4, -20));
  // Near pairs, few and many.
  for (const size_t centres : {1, 2, 5, 16})
    check(clusters<float>(xs, centres, 1), clusters<float>(ys, centres, 2));
  // One point of x among those of y, the others far off: what cancels is not the point itself.
  auto out = moved(x, 1, 300);
  for (size_t b = 0; b < 2; ++b)
    for (size_t c = 0; c < 50; ++c) out(b, 3, c) = x(b, 3, c);
  check(out, y);
}

TEST_CASE("kernel energy_distance: several clusters, uneven and in any order", "[kernels]") {
  const auto check_places = [](const Shape<3>& xs, const Shape<3>& ys, const Places& x_places,
                               const Places& y_places) {
    // Where both sets lie in the same places most of the gradient cancels.
    check(in_places<float>(xs, x_places, 1), in_places<float>(ys, y_places, 2), 0, 8e-6);
    check(in_places<double>(xs, x_places, 1), in_places<double>(ys, y_places, 2));
  };
  for (const auto& shares : uneven_shares)
    for (const auto& [s, t, d] :
         std::vector<Shape<3>>{{64, 49, 40}, {130, 97, 17}, {150, 300, 35}, {515, 60, 20}}) {
      INFO(shares.size() << " clusters");
      const Shape<3> xs{s < 100 ? size_t(3) : 1, s, d}, ys{xs[0], t, d};
      check_places(xs, ys, {shares}, {shares});                            // the same ones
      check_places(xs, ys, {shares}, {.shares = {0.7, 0.3}, .seed = 78});  // others
      check_places(xs, ys, {shares}, {.shares = {1}, .width = 1});         // against none
      check_places(xs, ys, {.shares = {1}, .width = 10, .seed = 78}, {shares});
    }
  // Clusters of several widths, some of them no wider than what a centre takes.
  for (const double width : {0., 1e-4, 0.3, 1., 2., 3.})
    check_places({1, 130, 17}, {1, 97, 17}, {{0.5, 0.3, 0.2}, width}, {{0.5, 0.5}, width});
  // Few cells, which have no centres: pairs of every nearness keep their digits.
  for (const double width : {0.03, 0.1, 0.3, 1.})
    for (const size_t s : {2, 3, 40})
      check_places({1, s, 17}, {1, 3, 17}, {{0.5, 0.5}, width}, {{1}, width, 0, 78});
  // Far from the origin and from each other.
  for (const double shift : {1000., 1e5})
    check_places({1, 130, 17}, {1, 97, 17}, {{0.5, 0.3, 0.2}, 0.5, shift}, {{0.5, 0.5}, 0.5});
}

TEST_CASE("kernel energy_distance: a cell apart from all others, and cells many times",
          "[kernels]") {
  auto x = in_places<float>({2, 140, 30}, {{0.6, 0.4}}, 1),
       y = in_places<float>({2, 77, 30}, {{0.5, 0.5}}, 2);
  for (size_t b = 0; b < 2; ++b)
    for (size_t c = 0; c < 30; ++c) {
      x(b, 5, c) += 3000;
      for (size_t i = 20; i < 60; ++i) x(b, i, c) = x(b, i % 7, c);
      for (size_t i = 30; i < 40; ++i) y(b, i, c) = x(b, 8 + i % 2, c);
    }
  check(x, y);
  check(y, x);
  check(moved(random_tensor<float, 3>({2, 70, 30}, 1), 0.01, 5), x, 1e-6);
  // All cells of a cluster in one place, whose distance is 0 and not nearly.
  const auto same = in_places<float>({1, 96, 30}, {{0.5, 0.5}, 0}, 1);
  const auto nothing = run(same, same);
  CHECK(largest_magnitude(nothing.e.view()) == 0);
  CHECK(largest_magnitude(nothing.dx.view()) < 1e-6);
  check(same, in_places<float>({1, 64, 30}, {{0.5, 0.5}, 0, 0.5}, 2));
}

TEST_CASE("kernel energy_distance: the floor counts within and between clusters", "[kernels]") {
  // Squared distances are about 0.004 within, and some thousands between.
  const auto x = in_places<double>({1, 130, 20}, {{0.6, 0.3, 0.1}}, 1),
             y = in_places<double>({1, 70, 20}, {{0.5, 0.5}}, 2);
  for (const double floor_squared : {0.004, 1., 3000.}) {
    const Plain plain(x, y, floor_squared);
    CHECK(plain.constant > 400);
    CHECK(plain.constant < 200 * 200);
    check(x, y, floor_squared);
  }
}

TEST_CASE("kernel energy_distance: clusters in sets of several lengths", "[kernels]") {
  const std::vector<int32_t> x_lengths{150, 1, 61, 90}, y_lengths{49, 120, 1, 97};
  auto x = in_places<float>({4, 150, 23}, {{0.6, 0.3, 0.1}}, 1),
       y = in_places<float>({4, 120, 23}, {{0.5, 0.5}}, 2);
  const auto pad = [](Tensor<float, 3>& t, const std::vector<int32_t>& lengths) {
    for (size_t b = 0; b < lengths.size(); ++b)
      for (size_t i = size_t(lengths[b]); i < t.shape(1); ++i)
        std::fill_n(&t(b, i, 0), t.shape(2), NAN);
  };
  const auto without_padding = [](const Tensor<float, 3>& t, size_t b, int32_t length) {
    Tensor<float, 3> set({1, size_t(length), t.shape(2)});
    std::copy_n(&t(b, 0, 0), set.count(), set.data());
    return set;
  };
  pad(x, x_lengths);
  pad(y, y_lengths);
  const auto found = run(x, y, 0, {{x_lengths.data(), {4}}, {y_lengths.data(), {4}}});
  const auto g = cotangent<double>(4), one = cotangent<double>(1);
  for (size_t b = 0; b < 4; ++b) {
    const auto u = without_padding(x, b, x_lengths[b]), v = without_padding(y, b, y_lengths[b]);
    const Plain plain(u, v, 0);
    CHECK(std::abs(double(found.e(b)) - plain.e(0)) <= 4e-6 * plain.largest_mean);
    const auto check_gradient = [&](const Tensor<float, 3>& all,
                                    const Tensor<double, 3>& expected) {
      const double scale = g(b) / one(0), most = largest_magnitude(expected.view());
      double error = 0;
      for (size_t i = 0; i < all.shape(1); ++i)
        for (size_t c = 0; c < all.shape(2); ++c)
          error = worse(error, std::abs(double(all(b, i, c)) -
                                        (i < expected.shape(1) ? scale * expected(0, i, c) : 0)));
      CHECK(error <= 4e-6 * std::abs(scale) * most);
    };
    check_gradient(found.dx, plain.dx);
    check_gradient(found.dy, plain.dy);
  }
}

TEST_CASE("kernel energy_distance: near pairs are exact", "[kernels]") {
  // Two points 1e-6 apart in x, and one of x as far from one of y, beside others at distance 10:
  // the gradient between them has length 1 and shows in full.
  auto x = moved(random_tensor<float, 3>({1, 9, 40}, 1), 10, 0),
       y = moved(random_tensor<float, 3>({1, 7, 40}, 2), 10, 0);
  for (size_t c = 0; c < 40; ++c) {
    x(0, 8, c) = x(0, 1, c);
    y(0, 6, c) = x(0, 4, c);
  }
  x(0, 8, 3) = std::nextafter(x(0, 8, 3), 100.f);
  y(0, 6, 5) = std::nextafter(y(0, 6, 5), 100.f);
  check(x, y);
}

TEST_CASE("kernel energy_distance: the floor counts for far and for near pairs", "[kernels]") {
  const auto check_floor = [](const auto& x, const auto& y, double floor_squared) {
    const Plain plain(x, y, floor_squared);
    const size_t pairs = x.shape(0) * (x.shape(1) + y.shape(1)) * (x.shape(1) + y.shape(1));
    INFO("floor " << floor_squared << ", " << plain.constant << " of " << pairs);
    const size_t diagonal = x.shape(0) * (x.shape(1) + y.shape(1));
    CHECK(plain.constant > diagonal);  // else nothing is shown
    CHECK(plain.constant < pairs);
    check(x, y, floor_squared);
  };
  // Of normal points in 6 dimensions most have squared distances of 4 to 20: none of them near.
  const auto x = random_tensor<double, 3>({2, 30, 6}, 1),
             y = random_tensor<double, 3>({2, 37, 6}, 2);
  for (const double floor_squared : {4., 10., 14.}) check_floor(x, y, floor_squared);
  const auto u = clusters<double>({1, 30, 6}, 3, 1), v = clusters<double>({1, 37, 6}, 3, 2);
  for (const double floor_squared : {4e-4, 1.2e-3}) check_floor(u, v, floor_squared);
  // Everything below: constant.
  const auto all = run(x, y, 1e4);
  for (const double e : all.e.view()) CHECK(e == Approx(0).margin(1e-12));
  CHECK(largest_magnitude(all.dx.view()) == 0);
  CHECK(largest_magnitude(all.dy.view()) == 0);
}

TEST_CASE("kernel energy_distance: gradients are assigned, added to, or left", "[kernels]") {
  using T = double;
  const auto x = random_tensor<T, 3>({3, 33, 9}, 1), y = random_tensor<T, 3>({3, 20, 9}, 2);
  const auto g = cotangent<T>(3);
  const auto assigned = run(x, y);
  Buffer<std::byte, Cpu> scratch(scratch_bytes_of(x, y));
  for (const bool want_x : {false, true})
    for (const bool want_y : {false, true}) {
      auto dx = random_tensor<T, 3>(x.shape(), 5), dy = random_tensor<T, 3>(y.shape(), 6);
      auto expected_x = dx, expected_y = dy;
      for (size_t i = 0; want_x && i < dx.count(); ++i)
        expected_x.data()[i] += assigned.dx.data()[i];
      for (size_t i = 0; i < dy.count(); ++i)
        if (want_y) expected_y.data()[i] = assigned.dy.data()[i];
      CHECK(Discrepancy::backward<T>({}, g.view(), x.view(), y.view(), {},
                                     {want_x ? dx.view() : View<T, 3>{nullptr, x.shape()}, true},
                                     {want_y ? dy.view() : View<T, 3>{nullptr, y.shape()}, false},
                                     kernel::EuclideanDistance{}, {}, energy,
                                     {scratch.data(), {scratch.count()}})
                .ok());
      CHECK(largest_difference(dx.view(), expected_x.view()) < 1e-13);
      CHECK(largest_difference(dy.view(), expected_y.view()) == 0);
    }
}

TEST_CASE("kernel energy_distance: the same bytes on any number of threads", "[kernels]") {
  for (const auto& [sets, s, t, d] : std::vector<Shape<4>>{
           {11, 33, 20, 70}, {17, 60, 50, 9}, {1, 300, 270, 33}, {2, 140, 520, 17}}) {
    const auto x = random_tensor<float, 3>({sets, s, d}, 1);
    check_same_on_any_threads([&, t = t, sets = sets, d = d] {
      return run(x, random_tensor<float, 3>({sets, t, d}, 2)).all();
    });
    for (const auto& shares : uneven_shares) {
      const auto uneven = in_places<float>({sets, s, d}, {shares}, 1);
      check_same_on_any_threads([&, t = t, sets = sets, d = d] {
        return run(uneven, in_places<float>({sets, t, d}, {{0.6, 0.4}}, 2)).all();
      });
    }
    const auto near = clusters<float>({sets, s, d}, 4, 1);
    check_same_on_any_threads([&, t = t, sets = sets, d = d] {
      return run(near, clusters<float>({sets, t, d}, 4, 2)).all();
    });
  }
}

TEST_CASE("kernel energy_distance: a pair of sets gives the same bytes alone and among others",
          "[kernels]") {
  const auto x = random_tensor<float, 3>({7, 40, 35}, 1),
             y = random_tensor<float, 3>({7, 30, 35}, 2);
  const auto together = run(x, y);
  for (const size_t b : {0, 3, 6}) {
    Tensor<float, 3> u({1, 40, 35}), v({1, 30, 35});
    std::copy_n(x.view()[b].data, u.count(), u.data());
    std::copy_n(y.view()[b].data, v.count(), v.data());
    CHECK(run(u, v).e(0) == together.e(b));
  }
}

TEST_CASE("kernel energy_distance: scratch grows neither with pairs of cells nor sets",
          "[kernels]") {
  constexpr size_t mib = size_t(1) << 20;
  for (const int threads : {1, 4, 64}) {
    const Threads set(threads);
    const auto bytes = [](size_t sets, size_t cells, size_t genes) {
      return kernel::CentredSets<float>::scratch_bytes({}, {sets, cells, genes},
                                                       {sets, cells, genes});
    };
    // A tile and 4 MiB of points for a thread, or one pair of sets where that is more.
    const size_t own = size_t(threads) * 5 * mib;
    for (const size_t sets : {1, 16, 1000}) {
      CHECK(bytes(sets, 128, 200) <= own);
      CHECK(bytes(sets, 20000, 2000) <= own + size_t(40002) * (2000 + 3) * sizeof(float) + mib);
    }
    CHECK(bytes(1, 20000, 50) < own + 10 * mib);
  }
}

TEST_CASE("kernel energy_distance: what is not a number shows", "[kernels]") {
  auto x = random_tensor<float, 3>({3, 6, 20}, 1);
  const auto y = random_tensor<float, 3>({3, 5, 20}, 2);
  x(1, 2, 3) = NAN;
  x(2, 0, 19) = INFINITY;
  const auto r = run(x, y);
  CHECK(std::isfinite(r.e(0)));
  for (const size_t b : {1, 2}) {
    CHECK(std::isnan(r.e(b)));
    CHECK(std::isnan(r.dx(b, 2, 3)) == (b == 1));
    CHECK_FALSE(std::isfinite(r.dy(b, 0, b == 1 ? 3 : 19)));
  }
}
