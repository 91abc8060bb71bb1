#include "vcell/models/feature_regression.hpp"

#include <algorithm>
#include <cmath>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/threads.hpp"
#include "vcell/models/fit_feature_regression.hpp"

using namespace vcell;
using vcell_test::check_error;
using vcell_test::check_same_on_any_threads;

namespace {

using KernelMatrix = FeatureKernels<>::Matrix;

/// Perturbations p0, p1, ... with features drawn at random, and shifts of them in contexts.
struct RegressionScreen {
  PerturbationFeatures features;
  std::vector<std::string> names;
  PairShifts shifts;

  /// @param shift  shift(context, features, gene)
  template <class Shift>
  RegressionScreen(size_t n, size_t width, size_t contexts, size_t genes, Shift&& shift,
                   double noise = 0)
      : features(width) {
    Rng rng(7);
    std::vector<std::vector<float>> vectors;
    for (size_t p = 0; p < n; ++p) {
      names.push_back(message("p", p));
      auto& v = vectors.emplace_back(width);
      for (float& x : v) x = float(3 + 2 * rng.normal());
      features.add(names.back(), v);
    }
    shifts.shift = Tensor<double, 2>({n * contexts, genes});
    shifts.variance = Tensor<float, 2>({n * contexts, genes});
    for (size_t c = 0, i = 0; c < contexts; ++c)
      for (size_t p = 0; p < n; ++p, ++i) {
        shifts.context.push_back(int32_t(c));
        shifts.perturbation.push_back(int32_t(p));
        shifts.cells.push_back(10);
        for (size_t g = 0; g < genes; ++g)
          shifts.shift(i, g) = shift(c, vectors[p], g) + noise * rng.normal();
      }
  }
  FeatureFitter<> fitter() const {
    size_t contexts = 0;
    for (const int32_t c : shifts.context) contexts = std::max(contexts, size_t(c) + 1);
    return FeatureFitter<>(shifts, features, names, contexts);
  }
};

/// Another for each gene and context.
double linear_shift(size_t c, const std::vector<float>& f, size_t g) {
  return 0.3 * double(c) + double(f[0]) * (g == 0 ? 1 : -0.5) + (c == 1 ? 0.25 * double(f[1]) : 0);
}

/// Least squares of kernel ridge with a free mean, one row left out, by the normal equations in the
/// coefficients themselves.
std::vector<double> left_out(const KernelMatrix& kernel, double lambda, const KernelMatrix& y) {
  const auto n = kernel.rows();
  std::vector<double> errors;
  for (Eigen::Index out = 0; out < n; ++out) {
    // Unknowns: a free mean b, and a function sum_i k(., i) w_i of squared norm w' k w.
    KernelMatrix left = KernelMatrix::Zero(n + 1, n + 1),
                 right = KernelMatrix::Zero(n + 1, y.cols());
    for (Eigen::Index i = 0; i < n; ++i) {
      if (i == out) continue;
      Eigen::RowVectorXd row(n + 1);
      row << 1, kernel.row(i);
      left += row.transpose() * row;
      right += row.transpose() * y.row(i);
    }
    left.bottomRightCorner(n, n) += lambda * kernel;
    left.diagonal().array() += 1e-11;
    const KernelMatrix solved = Eigen::LDLT<KernelMatrix>(left).solve(right);
    Eigen::RowVectorXd row(n + 1);
    row << 1, kernel.row(out);
    errors.push_back((y.row(out) - row * solved).squaredNorm());
  }
  return errors;
}

std::vector<std::pair<int32_t, int32_t>> pairs_in(const PairShifts& shifts) {
  std::vector<std::pair<int32_t, int32_t>> out;
  for (size_t i = 0; i < shifts.pairs(); ++i)
    out.emplace_back(shifts.context[i], shifts.perturbation[i]);
  return out;
}

std::vector<float> bytes_of(const FeatureRegression& r) {
  std::vector<float> out(r.offset.values().begin(), r.offset.values().end());
  out.insert(out.end(), r.coefficients.values().begin(), r.coefficients.values().end());
  for (const double v : r.ridge) out.push_back(float(v));
  out.push_back(float(r.width));
  return out;
}

}  // namespace

TEST_CASE("feature_kernels: leaving one out is what fitting the others says", "[models]") {
  Rng rng(1);
  for (const size_t n : {3, 8}) {
    Tensor<float, 2> x({n, 4});
    for (float& v : x.values()) v = float(rng.normal());
    const FeatureKernels<> kernels(x);
    std::vector<size_t> places(n);
    std::iota(places.begin(), places.end(), size_t(0));
    const auto k = kernels.matrix({FeatureKernel::gaussian, 1.5, 0}, places);
    KernelMatrix y(Eigen::Index(n), 3);
    for (Eigen::Index i = 0; i < y.size(); ++i) y.data()[i] = rng.normal();
    const Eigen::RowVectorXd mean = y.colwise().mean();
    y.rowwise() -= mean;
    for (const double lambda : {0.05, 0.7, 20.}) {
      const auto found =
          detail::leave_one_out(detail::centred(k), lambda, KernelMatrix(y * y.transpose()));
      const auto expected = left_out(k, lambda, y);
      REQUIRE(found.size() == n);
      for (size_t i = 0; i < n; ++i) CHECK(found[i] == Approx(expected[i]).epsilon(1e-5));
    }
  }
}

TEST_CASE("feature_kernels: distances are those of standardised features", "[models]") {
  // The third is constant; the second is the first times 1000: the same when standardised.
  const FeatureKernels<> kernels(
      Tensor<float, 2>({4, 3}, std::vector<float>{0, 0, 5, 1, 1000, 5, 2, 2000, 5, 3, 3000, 5}));
  const double sd = std::sqrt(1.25);
  CHECK(kernels.points()(0, 0) == Approx(-1.5 / sd));
  CHECK(kernels.points()(0, 1) == Approx(-1.5 / sd));
  CHECK(kernels.points()(2, 2) == 0);
  CHECK(kernels.standard().weight[2] == 0);
  CHECK(kernels.median_distance() == Approx(std::sqrt(2 * 4 / 1.25)));  // of 1 1 1 2 2 3
  const std::vector<size_t> places = {0, 2};
  const auto linear_kernel = kernels.matrix({FeatureKernel::linear, 0, 0}, places);
  CHECK(linear_kernel(0, 1) == Approx(-2 * 1.5 * 0.5 / 1.25 / 3));
  const auto gaussian = kernels.matrix({FeatureKernel::gaussian, 2, 0}, places);
  CHECK(gaussian(0, 0) == 1);
  CHECK(gaussian(0, 1) == Approx(std::exp(-2 * 4 / 1.25 / 8)));
}

TEST_CASE("feature_regression: what features tell is found, in each context", "[models]") {
  const RegressionScreen f(40, 3, 2, 2, linear_shift);
  const auto r = f.fitter().fit();
  REQUIRE(r.kernel == FeatureKernel::linear);
  check_feature_regression(r);
  CHECK(r.ridge[0] > 0);
  CHECK(r.ridge[1] > 0);
  const std::vector<float> unseen = {4, -1, 7};
  for (const int32_t c : {0, 1})
    for (const size_t g : {0, 1})
      CHECK(double(shift_of(r, unseen, c)[g]) ==
            Approx(linear_shift(size_t(c), unseen, g)).margin(0.05));
  // Where nothing was learnt: what the contexts have in common.
  const double both = (linear_shift(0, unseen, 0) + linear_shift(1, unseen, 0)) / 2;
  CHECK(double(shift_of(r, unseen, -1)[0]) == Approx(both).margin(0.05));
  CHECK(shift_of(r, unseen, 9) == shift_of(r, unseen, -1));
  // A curve takes the other kernel, unless it is not offered.
  const auto curve = [](size_t, const std::vector<float>& v, size_t) {
    return std::sin(double(v[0]));
  };
  const RegressionScreen bent(60, 1, 1, 1, curve);
  const auto smooth = bent.fitter().fit();
  REQUIRE(smooth.kernel == FeatureKernel::gaussian);
  CHECK(double(shift_of(smooth, std::vector<float>{2.5f}, 0)[0]) ==
        Approx(std::sin(2.5)).margin(0.05));
  CHECK(bent.fitter().fit({.gaussian = false}).kernel != FeatureKernel::gaussian);
}

TEST_CASE("feature_regression: features that tell nothing give the contexts' means", "[models]") {
  const auto by_context = [](size_t c, const std::vector<float>&, size_t g) {
    return double(c) + 10 * double(g);
  };
  for (const size_t width : {2, 200}) {
    const RegressionScreen f(24, width, 2, 5, by_context, 1);
    const auto r = f.fitter().fit();
    CHECK(r.kernel == FeatureKernel::none);
    CHECK(r.points.shape(0) == 0);
    for (size_t c = 0; c < 2; ++c) {
      double mean = 0;
      for (size_t p = 0; p < 24; ++p) mean += f.shifts.shift(24 * c + p, 3) / 24;
      const auto said = shift_of(r, std::vector<float>(width, 100), int32_t(c));
      CHECK(double(said[3]) == Approx(mean));
    }
  }
}

TEST_CASE("feature_regression: more features than perturbations, equal and constant ones",
          "[models]") {
  RegressionScreen wide(12, 5120, 1, 2, linear_shift, 0.01);
  const auto r = wide.fitter().fit();
  check_feature_regression(r);
  for (const float v : shift_of(r, wide.features.vector("p3"), 0)) CHECK(std::isfinite(v));

  // All alike; two kinds; one perturbation; two.
  for (const auto& [n, kinds] : {std::pair<size_t, size_t>{6, 1}, {8, 2}, {1, 1}, {2, 2}}) {
    RegressionScreen f(n, 2, 1, 1, linear_shift);
    f.features = PerturbationFeatures(2);
    for (size_t p = 0; p < n; ++p) {
      const std::vector<float> v = {float(p % kinds), 1};
      f.features.add(f.names[p], v);
      f.shifts.shift(p, 0) = double(p % kinds) + 0.001 * double(p);
    }
    const auto fitted = f.fitter().fit();
    check_feature_regression(fitted);
    const double a = double(shift_of(fitted, f.features.vector("p0"), 0)[0]);
    CHECK(std::isfinite(a));
    if (kinds == 1) CHECK(fitted.kernel == FeatureKernel::none);
    if (n == 1) CHECK(a == 0);
    if (n == 8) {
      CHECK(a == Approx(0).margin(0.02));
      // In the second feature nothing differed, so it is not looked at.
      CHECK(shift_of(fitted, std::vector<float>{0, 50}, 0)[0] == float(a));
    }
    const auto out =
        out_of_fold_shifts(f.fitter(), fitted, pairs_in(f.shifts), f.features, f.names, 1);
    for (const float v : out.values()) CHECK(std::isfinite(v));
    if (n == 1) CHECK(out(0, 0) == 0);
  }
}

TEST_CASE("feature_regression: contexts in which other perturbations were learnt", "[models]") {
  RegressionScreen f(30, 2, 2, 1, linear_shift);
  // p0 .. p9 are not in context 1.
  PairShifts some;
  std::vector<size_t> rows;
  for (size_t i = 0; i < f.shifts.pairs(); ++i)
    if (f.shifts.context[i] == 0 || f.shifts.perturbation[i] >= 10) rows.push_back(i);
  some.shift = Tensor<double, 2>({rows.size(), 1});
  some.variance = Tensor<float, 2>({rows.size(), 1});
  for (size_t i = 0; i < rows.size(); ++i) {
    some.context.push_back(f.shifts.context[rows[i]]);
    some.perturbation.push_back(f.shifts.perturbation[rows[i]]);
    some.shift(i, 0) = f.shifts.shift(rows[i], 0);
  }
  // Context 2 has no pair at all.
  const FeatureFitter<> fitter(some, f.features, f.names, 3);
  const auto r = fitter.fit();
  REQUIRE(r.contexts() == 3);
  const auto p0 = f.features.vector("p0");
  CHECK(double(shift_of(r, p0, 1)[0]) == Approx(linear_shift(1, p0, 0)).margin(0.1));
  CHECK(shift_of(r, p0, 2)[0] == Approx(shift_of(r, p0, -1)[0]).epsilon(1e-5));
}

TEST_CASE("feature_regression: out of fold, nothing is known of a perturbation's own shift",
          "[models]") {
  RegressionScreen f(23, 3, 2, 2, linear_shift, 0.1);
  const auto r = f.fitter().fit();
  const auto said = [&](uint64_t seed, size_t folds) {
    return out_of_fold_shifts(f.fitter(), r, pairs_in(f.shifts), f.features, f.names, seed, folds);
  };
  const auto before = said(1, 5);
  for (size_t i = 0; i < f.shifts.pairs(); ++i)
    CHECK(double(before(i, 0)) == Approx(f.shifts.shift(i, 0)).margin(0.6));
  const auto other_folds = said(2, 5);
  CHECK_FALSE(std::ranges::equal(other_folds.values(), before.values()));
  for (const size_t i : {4, 23 + 4}) f.shifts.shift(i, 0) += 100;  // both pairs of p4
  const auto after = said(1, 5);
  for (const size_t i : {4, 23 + 4})
    for (const size_t g : {0, 1}) CHECK(after(i, g) == before(i, g));
  CHECK(after(5, 0) != before(5, 0));
  CHECK(said(1, 1000).shape(0) == 46);  // as many folds as there are perturbations
  // One that was not learnt from gets what the whole regression says, wherever it is asked for.
  f.names.push_back("new");
  f.features.add("new", std::vector<float>{1, 2, 3});
  const std::vector<std::pair<int32_t, int32_t>> asked = {{1, 23}, {0, 4}};
  const auto told = out_of_fold_shifts(f.fitter(), r, asked, f.features, f.names, 1, 5);
  const auto whole = shift_of(r, std::vector<float>{1, 2, 3}, 1);
  for (const size_t g : {0, 1}) {
    CHECK(told(0, g) == whole[g]);
    CHECK(told(1, g) == before(4, g));
  }
}

TEST_CASE("feature_regression: the same bytes on any number of threads", "[models]") {
  check_same_on_any_threads([] {
    const RegressionScreen f(50, 4, 2, 7, linear_shift, 0.3);
    const auto r = f.fitter().fit();
    auto bytes = bytes_of(r);
    const auto out = out_of_fold_shifts(f.fitter(), r, pairs_in(f.shifts), f.features, f.names, 3);
    bytes.insert(bytes.end(), out.values().begin(), out.values().end());
    return bytes;
  });
}

TEST_CASE("feature_regression: errors", "[models]") {
  RegressionScreen f(4, 2, 1, 1, linear_shift);
  const auto r = f.fitter().fit();
  check_error<ShapeError>([&] { shift_of(r, std::vector<float>(3), 0); }, {"(3)", "(2)"});
  check_error<ConfigError>([&] { FeatureFitter<>(PairShifts{}, f.features, f.names, 1); },
                           {"no shift to learn from"});
  f.names[2] = "STAT1";
  check_error<ConfigError>([&] { f.fitter(); }, {"'STAT1' is not known"});
  auto bad = r;
  bad.ridge.clear();
  CHECK_THROWS_AS(check_feature_regression(bad), ConfigError);
  bad = r;
  bad.standard.weight.pop_back();
  CHECK_THROWS_AS(check_feature_regression(bad), ShapeError);
  bad = r;
  bad.coefficients = Tensor<float, 3>({2, 9, 1});
  CHECK_THROWS_AS(check_feature_regression(bad), ShapeError);
}
