#include "vcell/ops/maximum_mean_discrepancy.hpp"

#include <cmath>

#include "support/check_op.hpp"
#include "support/threads.hpp"
#include "vcell/ops/energy_distance.hpp"
#include "vcell/ops/mean_pairwise.hpp"
#include "vcell/tensor/copy.hpp"

using namespace vcell;
using namespace vcell_test;
using Options = MaximumMeanDiscrepancyOptions;

namespace {

double distance(const double* u, const double* v, size_t columns) {
  double square = 0;
  for (size_t c = 0; c < columns; ++c) square += std::pow(u[c] - v[c], 2);
  return std::sqrt(square);
}

/// Three loops.
struct Plain {
  const Options& options;

  double kernel(double d) const {
    double k = 0;
    for (const double s : options.sigmas)
      k += options.kernel == MmdKernel::rbf ? std::exp(-d * d / (2 * s * s)) : std::exp(-d / s);
    return k;
  }
  double mean(View<const double, 2> u, View<const double, 2> v, bool has_diagonal) const {
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < u.shape[0]; ++i)
      for (size_t j = 0; j < v.shape[0]; ++j)
        if (has_diagonal || i != j) {
          sum += kernel(distance(&u(i, 0), &v(j, 0), u.shape[1]));
          ++count;
        }
    return sum / double(count);
  }
  std::vector<double> operator()(const Variable<double, 3>& x, const Variable<double, 3>& y) const {
    const bool biased = options.estimator == MmdEstimator::biased;
    std::vector<double> all;
    for (size_t b = 0; b < x.shape(0); ++b) {
      const auto u = x.value()[b], v = y.value()[b];
      all.push_back(mean(u, u, biased) + mean(v, v, biased) - 2 * mean(u, v, true));
    }
    return all;
  }
};

auto with(const Options& options) {
  return
      [options](const auto& x, const auto& y) { return maximum_mean_discrepancy(x, y, options); };
}

Variable<double, 3> points(std::vector<double> values) {
  const size_t n = values.size();
  return Variable<double, 3>(Tensor<double, 3>({1, n, 1}, std::move(values)), true);
}

}  // namespace

TEST_CASE("maximum_mean_discrepancy: value, gradient, errors", "[ops]") {
  for (const MmdKernel kernel : {MmdKernel::rbf, MmdKernel::laplacian})
    for (const MmdEstimator estimator : {MmdEstimator::biased, MmdEstimator::unbiased})
      for (const auto& sigmas : std::vector<std::vector<double>>{{1}, {0.7, 3}, {2, 2, 0.5}})
        for (const auto& [sets, s, t, d] : std::vector<Shape<4>>{
                 {2, 5, 3, 4}, {1, 7, 7, 17}, {3, 2, 2, 1}, {0, 2, 2, 2}, {2, 1, 3, 2}}) {
          const Options options{kernel, sigmas, estimator};
          if (s == 1 && estimator == MmdEstimator::unbiased) continue;
          const auto x = parameter<3>({sets, s, d}, 1), y = parameter<3>({sets, t, d}, 2);
          check_op(with(options), Shape<1>{sets}, Plain{options}(x, y), {}, x, y);
        }
  const auto x = parameter<3>({2, 5, 3}, 1);
  const auto name = "maximum_mean_discrepancy";
  const auto of = [&](Shape<3> shape, const Options& options = {}) {
    maximum_mean_discrepancy(x, parameter<3>(shape, 1), options);
  };
  check_error<ShapeError>([&] { of({3, 5, 3}); }, {name, "sets", "2", "3"});
  check_error<ShapeError>([&] { of({2, 5, 4}); }, {name, "last size", "3", "4"});
  check_error<ShapeError>([&] { of({2, 0, 3}); }, {name, "(2, 5, 3)", "(2, 0, 3)"});
  check_error<ShapeError>(
      [&] {
        of({2, 1, 3}, {.estimator = MmdEstimator::unbiased});
      },
      {name, "(2, 1, 3)", "unbiased", "two cells"});
  check_error<ConfigError>([&] { of({2, 5, 3}, {.sigmas = {}}); }, {name, "no sigmas"});
  for (const double bad : {0., -1., double(NAN), double(INFINITY)})
    check_error<ConfigError>([&] { of({2, 5, 3}, {.sigmas = {1, bad}}); }, {name, "sigma"});
}

TEST_CASE("maximum_mean_discrepancy: near pairs, of clusters far apart", "[ops]") {
  const auto clusters = [](size_t cells, uint64_t seed) {
    const auto x = parameter<3>({1, cells, 4}, seed);
    for (size_t i = 0; i < cells; ++i)
      for (size_t c = 0; c < 4; ++c) {
        double& v = x.mutable_value()(0, i, c);
        v = 0.2 * v + (i % 2 ? 10. : 0.);
      }
    return x;
  };
  for (const MmdKernel kernel : {MmdKernel::rbf, MmdKernel::laplacian})
    for (const size_t cells : {16, 60}) {  // with none but the mean as centre, and with more
      const Options options{kernel, {0.5, 4}, MmdEstimator::biased};
      const auto x = clusters(cells, 1), y = clusters(11, 2);
      CHECK(largest_difference(with(options)(x, y).value(), Plain{options}(x, y)) < 1e-14);
      CHECK(gradcheck(with(options), {}, x, y).error < 1e-8);
    }
}

TEST_CASE("maximum_mean_discrepancy: known values", "[ops]") {
  // Cells 0 and 2 against 1, sigma 1: 1/2 (1 + e^-2) + 1 - 2 e^-1/2; without the diagonal y has
  // no pair, so y is 1 and 1.
  const auto x = points({0, 2}), y = points({1, 1});
  const double near = std::exp(-0.5), far = std::exp(-2.);
  CHECK(maximum_mean_discrepancy(x, y).value()[0] == Approx((1 + far) / 2 + 1 - 2 * near));
  CHECK(maximum_mean_discrepancy(x, y, {.estimator = MmdEstimator::unbiased}).value()[0] ==
        Approx(far + 1 - 2 * near));
  CHECK(maximum_mean_discrepancy(x, y, {.kernel = MmdKernel::laplacian}).value()[0] ==
        Approx((1 + far) / 2 + 1 - 2 * std::exp(-1.)));
  // Cells in one place pull at nothing.
  pull_back(maximum_mean_discrepancy(y, y, {.kernel = MmdKernel::laplacian}));
  CHECK(largest_magnitude(y.gradient()) == 0);
}

TEST_CASE("maximum_mean_discrepancy: with the kernel -d it would be twice the energy distance",
          "[ops]") {
  const auto x = parameter<3>({2, 5, 4}, 1), y = parameter<3>({2, 7, 4}, 2);
  const auto xy = mean_pairwise(x, y), xx = mean_pairwise(x, x), yy = mean_pairwise(y, y),
             e = energy_distance(x, y);
  for (size_t b = 0; b < 2; ++b) {
    const double mmd = -xx.value()[b] - yy.value()[b] + 2 * xy.value()[b];  // of k = -d
    CHECK(mmd == Approx(2 * e.value()[b]).epsilon(1e-13));
    CHECK(std::abs(mmd - e.value()[b]) > 0.1);
  }
}

TEST_CASE("maximum_mean_discrepancy: the median of distances as width", "[ops]") {
  const auto same = [](const auto& a, const auto& b) {
    return largest_difference(a.value(), b.value()) == 0;
  };
  // Distances 1 2 3 4 6 7: the lower one of 3 and 4.
  const auto x = points({0, 1, 3}), y = points({7});
  CHECK(same(maximum_mean_discrepancy(x, y, {.median_heuristic = true}),
             maximum_mean_discrepancy(x, y, {.sigmas = {3}})));
  CHECK(same(maximum_mean_discrepancy(x, y, {.sigmas = {0.5, 2}, .median_heuristic = true}),
             maximum_mean_discrepancy(x, y, {.sigmas = {1.5, 6}})));
  // Pairs in one place do not count: 2 2 2 5 5 5 7 of the rest.
  CHECK(
      same(maximum_mean_discrepancy(points({0, 0, 0}), points({2, 7}), {.median_heuristic = true}),
           maximum_mean_discrepancy(points({0, 0, 0}), points({2, 7}), {.sigmas = {5}})));
  // Nowhere else: any width will do.
  CHECK(maximum_mean_discrepancy(points({4, 4}), points({4}), {.median_heuristic = true})
            .value()[0] == 0);

  // One for the batch, of pairs of the same sets, whatever the tiles.
  for (const auto& [sets, s, t] : std::vector<Shape<3>>{{3, 9, 6}, {2, 150, 140}, {1, 300, 1}}) {
    const auto u = parameter<3>({sets, s, 3}, 1), v = parameter<3>({sets, t, 3}, 2);
    const Tensor<int32_t, 1> lengths({sets}, std::vector<int32_t>(sets, int32_t(s) - 2));
    for (const bool padded : {false, true}) {
      const Variable<int32_t, 1> n =
          padded ? Variable<int32_t, 1>(lengths) : Variable<int32_t, 1>();
      if (padded)
        for (size_t b = 0; b < sets; ++b)
          for (size_t i = s - 2; i < s; ++i) u.mutable_value()(b, i, 1) = NAN;
      std::vector<double> distances;
      for (size_t b = 0; b < sets; ++b) {
        std::vector<const double*> pool;
        for (size_t i = 0; i < (padded ? s - 2 : s); ++i) pool.push_back(&u.value()(b, i, 0));
        for (size_t j = 0; j < t; ++j) pool.push_back(&v.value()(b, j, 0));
        for (size_t i = 0; i < pool.size(); ++i)
          for (size_t j = 0; j < i; ++j) distances.push_back(distance(pool[i], pool[j], 3));
      }
      std::sort(distances.begin(), distances.end());
      const double median = distances[(distances.size() - 1) / 2];
      const auto found = maximum_mean_discrepancy(u, v, {.median_heuristic = true}, n);
      const auto expected = maximum_mean_discrepancy(u, v, {.sigmas = {median}}, n);
      CHECK(largest_difference(found.value(), expected.value()) < 1e-13);
      u.clear_gradient();
      pull_back(found);
      const std::vector<double> g(u.gradient().begin(), u.gradient().end());
      u.clear_gradient();
      pull_back(expected);  // the width is a constant
      CHECK(largest_difference(u.gradient(), g) < 1e-13);
    }
  }
}

TEST_CASE("maximum_mean_discrepancy: padding has no part in it", "[ops]") {
  const std::vector<int32_t> n{4, 2}, m{3, 5};
  const auto x = parameter<3>({2, 4, 3}, 1), y = parameter<3>({2, 5, 3}, 2);
  const auto cut = [](const Variable<double, 3>& v, size_t b, int32_t rows) {
    Tensor<double, 3> set({1, size_t(rows), 3});
    std::copy_n(v.value()[b].data, set.count(), set.data());
    return Variable<double, 3>(std::move(set), true);
  };
  for (size_t b = 0; b < 2; ++b) {
    for (size_t i = size_t(n[b]); i < 4; ++i) x.mutable_value()(b, i, 0) = NAN;
    for (size_t i = size_t(m[b]); i < 5; ++i) y.mutable_value()(b, i, 0) = NAN;
  }
  const Variable<int32_t, 1> of_x(Tensor<int32_t, 1>({2}, n)), of_y(Tensor<int32_t, 1>({2}, m));
  for (const MmdEstimator estimator : {MmdEstimator::biased, MmdEstimator::unbiased}) {
    const Options options{MmdKernel::rbf, {2}, estimator};
    x.clear_gradient();
    const auto all = maximum_mean_discrepancy(x, y, options, of_x, of_y);
    backward(all, Tensor<double, 1>({2}, std::vector<double>{1, 1}).view());
    for (size_t b = 0; b < 2; ++b) {
      const auto u = cut(x, b, n[b]), v = cut(y, b, m[b]);
      const auto alone = maximum_mean_discrepancy(u, v, options);
      backward(alone, Tensor<double, 1>({1}, std::vector<double>{1}).view());
      CHECK(all.value()[b] == Approx(alone.value()[0]).epsilon(1e-13));
      for (size_t i = 0; i < 4; ++i)
        for (size_t c = 0; c < 3; ++c)
          CHECK(x.gradient()(b, i, c) ==
                Approx(i < u.shape(1) ? u.gradient()(0, i, c) : 0).margin(1e-14));
    }
  }
  // A length of 1 is found out on the device alone.
  const Variable<int32_t, 1> one(Tensor<int32_t, 1>({2}, std::vector<int32_t>{1, 2}));
  const auto e = maximum_mean_discrepancy(x, y, {.estimator = MmdEstimator::unbiased}, one, of_y);
  CHECK(std::isnan(e.value()[0]));
  CHECK(std::isfinite(e.value()[1]));
}

TEST_CASE("maximum_mean_discrepancy: float keeps its digits, and what is no number shows",
          "[ops]") {
  for (const double shift : {0., 100.})
    for (const MmdKernel kernel : {MmdKernel::rbf, MmdKernel::laplacian}) {
      const auto x = parameter<3, float>({2, 40, 20}, 1), y = parameter<3, float>({2, 33, 20}, 2);
      for (const auto* v : {&x, &y})
        for (float& c : v->mutable_value().values()) c += float(shift);
      const Variable<double, 3> xd(cast<double>(to_tensor(x.value())), true),
          yd(cast<double>(to_tensor(y.value())), true);
      const Options options{kernel, {1, 5}, MmdEstimator::unbiased, true};
      const auto e = maximum_mean_discrepancy(x, y, options);
      const auto ed = maximum_mean_discrepancy(xd, yd, options);
      pull_back(e);
      pull_back(ed);
      CHECK(largest_difference(e.value(), ed.value()) < 5e-7);  // of means near 1
      CHECK(relative_error(x.gradient(), xd.gradient()) < 4e-6);
      CHECK(relative_error(y.gradient(), yd.gradient()) < 4e-6);
    }
  const auto x = parameter<3, float>({2, 3, 4}, 1), y = parameter<3, float>({2, 3, 4}, 2);
  x.mutable_value()(1, 0, 0) = NAN;
  const auto e = maximum_mean_discrepancy(x, y, {.median_heuristic = true});
  CHECK(std::isfinite(e.value()[0]));
  CHECK(std::isnan(e.value()[1]));
}

TEST_CASE("maximum_mean_discrepancy: the same bytes on any number of threads", "[ops]") {
  for (const auto& [sets, s, t] : std::vector<Shape<3>>{{11, 33, 20}, {1, 300, 270}}) {
    const auto x = parameter<3, float>({sets, s, 70}, 1), y = parameter<3, float>({sets, t, 70}, 2);
    for (const MmdKernel kernel : {MmdKernel::rbf, MmdKernel::laplacian})
      check_same_on_any_threads([&, k = kernel] {
        const Options options{k, {0.5, 1}, MmdEstimator::biased, true};
        return value_and_gradients(with(options), x, y);
      });
  }
}
