#include "vcell/ops/sinkhorn_divergence.hpp"

#include <cmath>

#include "support/check_op.hpp"
#include "support/threads.hpp"
#include "vcell/tensor/copy.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

const auto sinkhorn_op = [](const auto& x, const auto& y) { return sinkhorn_divergence(x, y); };

/// The loop in plain vectors of long double, one pair of sets whose batch has this diameter.
class PlainSinkhorn {
 public:
  using Vector = std::vector<long double>;
  long double value = 0;
  Tensor<double, 2> dx;

  PlainSinkhorn(View<const double, 2> x, View<const double, 2> y, double diameter,
                const SinkhornDivergenceOptions& options = {})
      : dx(x.shape) {
    std::vector<long double> epsilons{(long double)(diameter)*diameter};
    for (long double e = epsilons[0]; e > (long double)(options.blur) * options.blur;
         e *= (long double)(options.scaling) * options.scaling)
      epsilons.push_back(e);
    epsilons.push_back((long double)(options.blur) * options.blur);
    Vector f = softmin(x, y, Vector(y.shape[0]), epsilons[0]),
           g = softmin(y, x, Vector(x.shape[0]), epsilons[0]),
           p = softmin(x, x, Vector(x.shape[0]), epsilons[0]),
           q = softmin(y, y, Vector(y.shape[0]), epsilons[0]);
    for (const long double eps : epsilons) {
      const Vector next_f = softmin(x, y, g, eps), next_g = softmin(y, x, f, eps);
      p = mean(p, softmin(x, x, p, eps));
      q = mean(q, softmin(y, y, q, eps));
      f = mean(f, next_f);
      g = mean(g, next_g);
    }
    const long double eps = epsilons.back();
    pull(x, y, g, eps, 1);
    pull(x, x, p, eps, -1);
    for (const auto& [u, v, h, sign] :
         {std::tuple{x, y, g, 1}, {x, x, p, -1}, {y, x, f, 1}, {y, y, q, -1}})
      for (const long double s : softmin(u, v, h, eps)) value += sign * s / u.shape[0];
  }

 private:
  static long double cost(View<const double, 2> u, size_t i, View<const double, 2> v, size_t j) {
    long double square = 0;
    for (size_t c = 0; c < u.shape[1]; ++c) square += std::pow((long double)(u(i, c)) - v(j, c), 2);
    return square / 2;
  }
  static Vector mean(const Vector& a, const Vector& b) {
    Vector m;
    for (size_t i = 0; i < a.size(); ++i) m.push_back((a[i] + b[i]) / 2);
    return m;
  }
  static Vector gaps(View<const double, 2> u, size_t i, View<const double, 2> v, const Vector& h,
                     long double eps) {
    Vector all;
    for (size_t j = 0; j < v.shape[0]; ++j) all.push_back((h[j] - cost(u, i, v, j)) / eps);
    return all;
  }
  static Vector softmin(View<const double, 2> u, View<const double, 2> v, const Vector& h,
                        long double eps) {
    Vector out;
    for (size_t i = 0; i < u.shape[0]; ++i) {
      const Vector t = gaps(u, i, v, h, eps);
      const long double most = *std::max_element(t.begin(), t.end());
      long double sum = 0;
      for (const long double a : t) sum += std::exp(a - most);
      out.push_back(-eps * (most + std::log(sum / v.shape[0])));
    }
    return out;
  }
  void pull(View<const double, 2> u, View<const double, 2> v, const Vector& h, long double eps,
            int sign) {
    for (size_t i = 0; i < u.shape[0]; ++i) {
      Vector t = gaps(u, i, v, h, eps);
      const long double most = *std::max_element(t.begin(), t.end());
      long double sum = 0;
      for (long double& a : t) sum += a = std::exp(a - most);
      for (size_t j = 0; j < v.shape[0]; ++j)
        for (size_t c = 0; c < u.shape[1]; ++c)
          dx(i, c) += double(sign * t[j] / sum * ((long double)(u(i, c)) - v(j, c)) / u.shape[0]);
    }
  }
};

double diameter_of(const Variable<double, 3>& x, const Variable<double, 3>& y) {
  double square = 0;
  for (size_t c = 0; c < x.shape(2); ++c) {
    double low = INFINITY, high = -INFINITY;
    for (const auto* v : {&x, &y})
      for (size_t i = c; i < v->count(); i += x.shape(2)) {
        low = std::min(low, v->value().data[i]);
        high = std::max(high, v->value().data[i]);
      }
    square += std::pow(high - low, 2);
  }
  return std::sqrt(square);
}

}  // namespace

TEST_CASE("sinkhorn_divergence: value and gradient against plain loops", "[ops]") {
  for (const auto& [sets, s, t, d] : std::vector<Shape<4>>{
           {2, 5, 3, 4}, {3, 1, 1, 2}, {1, 7, 7, 17}, {2, 3, 1, 1}, {1, 140, 130, 3}})
    for (const SinkhornDivergenceOptions& options :
         {SinkhornDivergenceOptions{}, {.blur = 0.5, .scaling = 0.8}, {.blur = 100}}) {
      const auto x = parameter<3>({sets, s, d}, 1), y = parameter<3>({sets, t, d}, 2);
      const auto e = sinkhorn_divergence(x, y, options);
      backward(e, Tensor<double, 1>({sets}, std::vector<double>(sets, 1)).view());
      REQUIRE(e.shape() == Shape<1>{sets});
      for (size_t b = 0; b < sets; ++b) {
        const PlainSinkhorn plain(x.value()[b], y.value()[b], diameter_of(x, y), options);
        INFO(s << " and " << t << " cells, blur " << options.blur);
        CHECK(std::abs(e.value()[b] - double(plain.value)) < 1e-11);
        CHECK(largest_difference(x.gradient()[b], plain.dx.values()) < 1e-10);
        const PlainSinkhorn other(y.value()[b], x.value()[b], diameter_of(x, y), options);
        CHECK(largest_difference(y.gradient()[b], other.dx.values()) < 1e-10);
      }
    }
}

TEST_CASE("sinkhorn_divergence: once the loop has settled the gradient is that of the value",
          "[ops]") {
  // Only the last step is differentiated, which is all of it where potentials stand still.
  const auto settled = [](const auto& x, const auto& y) {
    return sinkhorn_divergence(x, y, {.blur = 2, .scaling = 0.99});
  };
  const auto x = parameter<3>({2, 4, 3}, 1), y = parameter<3>({2, 5, 3}, 2);
  CHECK(gradcheck(settled, {}, x, y).error < 1e-3);
  // Gradients are added where some are, and either input does without the other's.
  const auto both = value_and_gradients(settled, x, y);
  pull_back(settled(x, y));
  pull_back(settled(x.detach(), y));
  for (size_t i = 0; i < x.count(); ++i)
    CHECK(x.gradient().data[i] == Approx(2 * both[2 + i]).epsilon(1e-12));
  for (size_t i = 0; i < y.count(); ++i)
    CHECK(y.gradient().data[i] == Approx(3 * both[2 + x.count() + i]).epsilon(1e-12));
}

TEST_CASE("sinkhorn_divergence: known values", "[ops]") {
  // One cell each: the cost, half of a squared distance, less what each is from itself, 0.
  const Variable<double, 3> x(Tensor<double, 3>({1, 1, 2}, std::vector<double>{1, 2}), true),
      y(Tensor<double, 3>({1, 1, 2}, std::vector<double>{4, 6}), true);
  const auto e = sinkhorn_divergence(x, y);
  CHECK(e.value()[0] == Approx(12.5).epsilon(1e-13));
  backward(e, View<const double, 1>{std::vector<double>{1}.data(), {1}});
  CHECK(x.gradient()(0, 0, 0) == Approx(-3));
  CHECK(y.gradient()(0, 0, 1) == Approx(4));
  // A whole set moved by (3, 4): as far as any of its cells, which all go along.
  const auto u = parameter<3>({1, 6, 2}, 1);
  Variable<double, 3> v(to_tensor(u.value()), true);
  for (size_t i = 0; i < 6; ++i) v.mutable_value()(0, i, 0) += 3, v.mutable_value()(0, i, 1) += 4;
  CHECK(sinkhorn_divergence(u, v).value()[0] == Approx(12.5).epsilon(1e-6));
}

TEST_CASE("sinkhorn_divergence: all in one place is 0, and equal sets nearly", "[ops]") {
  Tensor<float, 3> t({2, 4, 3});
  for (float& v : t.values()) v = 0.1f;
  const Variable<float, 3> x(t, true), y(t, true);
  const auto e = sinkhorn_divergence(x, y);
  pull_back(e);
  CHECK(largest_magnitude(e.value()) == 0);
  CHECK(largest_magnitude(x.gradient()) == 0);
  CHECK(largest_magnitude(y.gradient()) == 0);
  const auto u = parameter<3>({2, 6, 4}, 1);
  pull_back(sinkhorn_divergence(u, u));
  CHECK(largest_magnitude(sinkhorn_divergence(u, u).value()) < 1e-13);
  CHECK(largest_magnitude(u.gradient()) < 1e-13);
}

TEST_CASE("sinkhorn_divergence: padding has no part in it, nor in the diameter", "[ops]") {
  const auto x = parameter<3>({2, 6, 3}, 1), y = parameter<3>({2, 5, 3}, 2);
  const std::vector<int32_t> n{4, 6}, m{5, 2};
  const Variable<int32_t, 1> of_x(Tensor<int32_t, 1>({2}, n)), of_y(Tensor<int32_t, 1>({2}, m));
  // Sets as wide as the batch, so that each has its epsilons alone, too.
  for (size_t b = 0; b < 2; ++b)
    for (size_t c = 0; c < 3; ++c) {
      x.mutable_value()(b, 0, c) = -9;
      y.mutable_value()(b, 0, c) = 9;
    }
  for (const double padding : {double(NAN), 1e6, double(INFINITY)}) {
    for (size_t b = 0; b < 2; ++b)
      for (size_t c = 0; c < 3; ++c) {
        for (size_t i = size_t(n[b]); i < 6; ++i) x.mutable_value()(b, i, c) = padding;
        for (size_t i = size_t(m[b]); i < 5; ++i) y.mutable_value()(b, i, c) = padding;
      }
    x.clear_gradient();
    y.clear_gradient();
    const auto e = sinkhorn_divergence(x, y, {}, of_x, of_y);
    backward(e, Tensor<double, 1>({2}, std::vector<double>{1, 1}).view());
    for (size_t b = 0; b < 2; ++b) {
      const auto cut = [](View<const double, 2> set, int32_t rows) {
        Tensor<double, 3> t({1, size_t(rows), 3});
        std::copy_n(set.data, t.count(), t.data());
        return Variable<double, 3>(std::move(t), true);
      };
      const auto u = cut(x.value()[b], n[b]), v = cut(y.value()[b], m[b]);
      const auto alone = sinkhorn_divergence(u, v);
      backward(alone, Tensor<double, 1>({1}, std::vector<double>{1}).view());
      CHECK(e.value()[b] == Approx(alone.value()[0]).epsilon(1e-12));
      for (size_t i = 0; i < 6; ++i)
        for (size_t c = 0; c < 3; ++c)
          CHECK(x.gradient()(b, i, c) ==
                Approx(i < u.shape(1) ? u.gradient()(0, i, c) : 0).margin(1e-12));
      for (size_t i = 0; i < 5; ++i)
        for (size_t c = 0; c < 3; ++c)
          CHECK(y.gradient()(b, i, c) ==
                Approx(i < v.shape(1) ? v.gradient()(0, i, c) : 0).margin(1e-12));
    }
  }
}

TEST_CASE("sinkhorn_divergence: errors, and what is not a number shows", "[ops]") {
  const auto name = "sinkhorn_divergence";
  const auto x = parameter<3>({2, 5, 3}, 1);
  const auto of = [&](Shape<3> shape, const SinkhornDivergenceOptions& options = {}) {
    sinkhorn_divergence(x, parameter<3>(shape, 1), options);
  };
  check_error<ShapeError>([&] { of({3, 5, 3}); }, {name, "sets", "2", "3"});
  check_error<ShapeError>([&] { of({2, 5, 4}); }, {name, "last size", "3", "4"});
  check_error<ShapeError>([&] { of({2, 0, 3}); }, {name, "(2, 5, 3)", "(2, 0, 3)"});
  for (const double bad : {0., -1., double(NAN), double(INFINITY)})
    check_error<ConfigError>([&] { of({2, 5, 3}, {.blur = bad}); }, {name, "blur"});
  for (const double bad : {0., 1., -1., double(NAN)})
    check_error<ConfigError>([&] { of({2, 5, 3}, {.scaling = bad}); }, {name, "scaling"});
  CHECK(sinkhorn_divergence(parameter<3>({0, 2, 3}, 1), parameter<3>({0, 1, 3}, 1)).count() == 0);
  CHECK(sinkhorn_divergence(parameter<3>({2, 2, 0}, 1), parameter<3>({2, 1, 0}, 1)).value()[1] ==
        0);

  const auto y = parameter<3>({2, 4, 3}, 2);
  x.mutable_value()(1, 2, 0) = NAN;
  const auto e = sinkhorn_divergence(x, y);
  CHECK(std::isfinite(e.value()[0]));
  CHECK(std::isnan(e.value()[1]));
  x.mutable_value()(1, 2, 0) = INFINITY;
  CHECK(std::isnan(sinkhorn_divergence(x, y).value()[1]));
  x.mutable_value()(1, 2, 0) = 0;
  // Neither a tiny nor a huge batch runs into what has no logarithm.
  for (const double factor : {1e-170, 1e-40, 1e40}) {
    const auto scaled = [&](const Variable<double, 3>& v) {
      auto t = to_tensor(v.value());
      for (double& c : t.values()) c *= factor;
      return Variable<double, 3>(std::move(t), true);
    };
    const auto u = scaled(x), v = scaled(y);
    const auto small = sinkhorn_divergence(u, v);
    pull_back(small);
    CHECK(std::isfinite(small.value()[0]));
    CHECK(std::isfinite(largest_magnitude(u.gradient())));
  }
}

TEST_CASE("sinkhorn_divergence: the same bytes on any number of threads", "[ops]") {
  for (const auto& [sets, s, t] : std::vector<Shape<3>>{{11, 33, 20}, {1, 300, 270}, {3, 40, 7}}) {
    const auto x = parameter<3, float>({sets, s, 70}, 1), y = parameter<3, float>({sets, t, 70}, 2);
    check_same_on_any_threads([&] { return value_and_gradients(sinkhorn_op, x, y); });
  }
}
