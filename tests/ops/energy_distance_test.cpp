#include "vcell/ops/energy_distance.hpp"

#include <cmath>

#include "support/check_op.hpp"
#include "support/threads.hpp"
#include "vcell/tensor/copy.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

const auto energy_op = [](const auto& x, const auto& y) { return energy_distance(x, y); };
const auto floored = [](const auto& x, const auto& y) {
  return energy_distance(x, y, {.floor_squared = 1e-8});
};

template <class T>
double mean_distance(View<const T, 2> u, View<const T, 2> v, double floor_squared) {
  double sum = 0;
  for (size_t i = 0; i < u.shape[0]; ++i)
    for (size_t j = 0; j < v.shape[0]; ++j) {
      double square = 0;
      for (size_t c = 0; c < u.shape[1]; ++c)
        square += std::pow(double(u(i, c)) - double(v(j, c)), 2);
      sum += std::sqrt(std::max(square, floor_squared));
    }
  return sum / double(u.shape[0] * v.shape[0]);
}

template <class T>
std::vector<double> plain(const Variable<T, 3>& x, const Variable<T, 3>& y,
                          double floor_squared = 0) {
  std::vector<double> e;
  for (size_t b = 0; b < x.shape(0); ++b) {
    const auto u = x.value()[b], v = y.value()[b];
    e.push_back(mean_distance(u, v, floor_squared) - 0.5 * mean_distance(u, u, floor_squared) -
                0.5 * mean_distance(v, v, floor_squared));
  }
  return e;
}

}  // namespace

TEST_CASE("energy_distance: value, gradient, errors", "[ops]") {
  struct Sizes {
    size_t sets, s, t, d;
  };
  for (const auto& [sets, s, t, d] :
       {Sizes{2, 5, 3, 4}, {3, 1, 1, 2}, {1, 7, 7, 17}, {2, 3, 1, 1}, {0, 2, 2, 2}}) {
    const auto x = parameter<3>({sets, s, d}, 1), y = parameter<3>({sets, t, d}, 2);
    check_op(energy_op, Shape<1>{sets}, plain(x, y), {}, x, y);
    check_op(floored, Shape<1>{sets}, plain(x, y, 1e-8), {}, x, y);
  }
  const auto x = parameter<3>({2, 5, 3}, 1);
  const auto with = [&](Shape<3> shape) { energy_distance(x, parameter<3>(shape, 1)); };
  check_error<ShapeError>([&] { with({3, 5, 3}); }, {"energy_distance", "sets", "2", "3"});
  check_error<ShapeError>([&] { with({2, 5, 4}); }, {"energy_distance", "last size", "3", "4"});
  check_error<ShapeError>([&] { with({2, 0, 3}); }, {"energy_distance", "(2, 5, 3)", "(2, 0, 3)"});
  for (const double bad : {-1.0, double(NAN)})
    check_error<ConfigError>([&] { energy_distance(x, x, {.floor_squared = bad}); },
                             {"energy_distance", "floor_squared"});
}

TEST_CASE("energy_distance: known values", "[ops]") {
  // Points 0 and 2 against 1: 1 - (0 + 2 + 2 + 0) / 8 = 0.5.
  const Variable<double, 3> x(Tensor<double, 3>({1, 2, 1}, std::vector<double>{0, 2}), true);
  const Variable<double, 3> y(Tensor<double, 3>({1, 1, 1}, std::vector<double>{1}), true);
  CHECK(energy_distance(x, y).value()[0] == Approx(0.5).epsilon(1e-15));
  backward(energy_distance(x, y), View<const double, 1>{std::vector<double>{1}.data(), {1}});
  CHECK(x.gradient()(0, 0, 0) == Approx(-0.25));  // -1/2 from y, +1/4 from the other point
  CHECK(x.gradient()(0, 1, 0) == Approx(0.25));
  CHECK(y.gradient()(0, 0, 0) == Approx(0).margin(1e-15));
}

TEST_CASE("energy_distance: equal sets have distance 0 and no gradient", "[ops]") {
  const auto x = parameter<3>({1, 6, 8}, 1);
  const Variable<double, 3> same(to_tensor(x.value()), true);
  pull_back(energy_distance(x, same));
  CHECK(std::abs(energy_distance(x, same).value()[0]) < 1e-15);
  CHECK(largest_magnitude(x.gradient()) < 1e-15);
  // All points in one: every pair is below the floor.
  const Variable<float, 3> zeros(Tensor<float, 3>({2, 4, 3}), true);
  for (const bool with_floor : {false, true}) {
    zeros.clear_gradient();
    const auto e = energy_distance(zeros, zeros, {.floor_squared = with_floor ? 1e-8 : 0});
    pull_back(e);
    CHECK(e.value()[0] == 0);
    CHECK(largest_magnitude(zeros.gradient()) == 0);
  }
}

TEST_CASE("energy_distance: pairs below the floor count as constant", "[ops]") {
  Tensor<double, 3> near({1, 2, 2});
  near(0, 1, 0) = 1e-5;
  const Variable<double, 3> x(near, true), y = parameter<3>({1, 3, 2}, 1);
  CHECK(largest_error(floored(x, y).value(), plain(x, y, 1e-8)) < 1e-14);
  CHECK(gradcheck(floored, {.step = 1e-6}, x, y).error < 1e-8);
  CHECK(gradcheck(energy_op, {.step = 1e-9}, x, y).error < 1e-5);
}

TEST_CASE("energy_distance: the floor counts where no pair is near", "[ops]") {
  // Squared distances of normal points in 6 dimensions: some below 8, most above.
  const auto wide = [](const auto& x, const auto& y) {
    return energy_distance(x, y, {.floor_squared = 8});
  };
  const auto x = parameter<3>({1, 9, 6}, 1), y = parameter<3>({1, 7, 6}, 2);
  CHECK(largest_error(wide(x, y).value(), plain(x, y, 8)) < 1e-14);
  CHECK(largest_difference(plain(x, y, 8), plain(x, y)) > 0.1);  // else nothing is shown
  CHECK(gradcheck(wide, {}, x, y).error < 1e-8);
}

TEST_CASE("energy_distance: a set against itself", "[ops]") {
  // Both gradients go to one place, and cancel.
  const Threads set(3);
  const auto x = parameter<3>({2, 150, 5}, 1);
  pull_back(energy_distance(x, x));
  CHECK(largest_magnitude(x.gradient()) < 1e-14);
  const auto shifted = [](const auto& v) { return energy_distance(v, v, {.floor_squared = 1}); };
  CHECK(gradcheck(shifted, {}, parameter<3>({1, 6, 3}, 2)).error < 1e-8);
}

TEST_CASE("energy_distance: the order of cells and a common shift change nothing", "[ops]") {
  const auto x = parameter<3, float>({1, 40, 30}, 1), y = parameter<3, float>({1, 25, 30}, 2);
  const double before = double(energy_distance(x, y).value()[0]);
  Rng rng(3);
  const auto order = permutation(40, rng);
  Tensor<float, 3> shuffled({1, 40, 30});
  for (size_t i = 0; i < 40; ++i)
    for (size_t c = 0; c < 30; ++c) shuffled(0, i, c) = x.value()(0, order[i], c);
  CHECK(double(energy_distance(Variable<float, 3>(shuffled), y).value()[0]) ==
        Approx(before).epsilon(1e-6));

  // In double a shift of 1e3 leaves 13 digits of the coordinates.
  const auto moved = [](const Variable<float, 3>& v, double by) {
    auto t = cast<double>(to_tensor(v.value()));
    for (double& c : t.values()) c += by;
    return Variable<double, 3>(std::move(t), true);
  };
  const auto x0 = moved(x, 0), y0 = moved(y, 0), x1 = moved(x, 1e3), y1 = moved(y, 1e3);
  const auto e0 = energy_distance(x0, y0), e1 = energy_distance(x1, y1);
  pull_back(e0);
  pull_back(e1);
  CHECK(e1.value()[0] == Approx(e0.value()[0]).epsilon(1e-12));
  CHECK(largest_error(x1.gradient(), x0.gradient()) < 1e-13);
  CHECK(largest_error(y1.gradient(), y0.gradient()) < 1e-13);
}

TEST_CASE("energy_distance: float keeps its digits", "[ops]") {
  // Sets far from the origin, sets far apart, and cells that nearly coincide within a set.
  for (const double shift : {0.0, 100.0})
    for (const double gap : {0.0, 30.0})
      for (const double copies : {0.0, 1e-4}) {
        Tensor<float, 3> xt({2, 20, 50}), yt({2, 15, 50});
        Rng rng(uint64_t(shift + gap) + 1);
        for (float& v : xt.values()) v = float(rng.normal() + shift);
        for (float& v : yt.values()) v = float(rng.normal() + shift + gap);
        if (copies > 0)
          for (size_t c = 0; c < 50; ++c) xt(0, 1, c) = xt(0, 0, c) + float(copies * rng.normal());
        const Variable<float, 3> x(xt, true), y(yt, true);
        const Variable<double, 3> xd(cast<double>(xt), true), yd(cast<double>(yt), true);
        const auto e = energy_distance(x, y);
        const auto ed = energy_distance(xd, yd);
        pull_back(e);
        pull_back(ed);
        INFO("shift " << shift << ", gap " << gap << ", copies " << copies);
        const double scale = mean_distance(x.value()[0], y.value()[0], 0);
        for (size_t b = 0; b < 2; ++b)
          CHECK(std::abs(double(e.value()[b]) - ed.value()[b]) / scale < 3e-7);
        for (const auto& [single, wide] : {std::pair{x, xd}, {y, yd}})
          CHECK(relative_error(single.gradient(), wide.gradient()) < 2e-6);
      }
}

TEST_CASE("energy_distance: what is not a number shows", "[ops]") {
  const auto x = parameter<3, float>({2, 3, 4}, 1), y = parameter<3, float>({2, 3, 4}, 2);
  x.mutable_value()(1, 0, 0) = NAN;
  const auto e = energy_distance(x, y);
  CHECK(std::isfinite(e.value()[0]));
  CHECK(std::isnan(e.value()[1]));
}

TEST_CASE("energy_distance: the same bytes on any number of threads", "[ops]") {
  const auto x = parameter<3, float>({11, 33, 70}, 1), y = parameter<3, float>({11, 20, 70}, 2);
  check_same_on_any_threads([&] { return value_and_gradients(energy_op, x, y); });
}
