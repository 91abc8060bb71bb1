#include "vcell/kernels/gemm.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "support/random_tensor.hpp"
#include "support/threads.hpp"

using namespace vcell;
using kernel::Gemm, kernel::GemmOptions, kernel::MatrixView;
using vcell_test::random_tensor, vcell_test::Threads;

namespace {

struct Sizes {
  size_t m, n, k;
};

/// op(A) op(B) by three loops in double.
template <class T>
double product(const GemmOptions& o, MatrixView<const T> a, MatrixView<const T> b, size_t i,
               size_t j, size_t k) {
  double sum = 0;
  for (size_t l = 0; l < k; ++l)
    sum += double(o.transpose_a ? a.row(l)[i] : a.row(i)[l]) *
           double(o.transpose_b ? b.row(j)[l] : b.row(l)[j]);
  return sum;
}

/// One product of matrices that lie within larger ones, compared element by element; what lies
/// around C must stay.
template <class T>
void check(const Sizes& n, const GemmOptions& o, bool with_bias) {
  constexpr size_t margin = 3;
  const auto a_shape = o.transpose_a ? Shape<2>{n.k, n.m} : Shape<2>{n.m, n.k};
  const auto b_shape = o.transpose_b ? Shape<2>{n.n, n.k} : Shape<2>{n.k, n.n};
  const auto within = [&](Shape<2> s, uint64_t seed) {
    return random_tensor<T, 2>({s[0] + margin, s[1] + margin}, seed);
  };
  const auto a = within(a_shape, 1), b = within(b_shape, 2), c0 = within({n.m, n.n}, 3);
  const auto bias = random_tensor<T, 1>({n.n}, 4);
  auto c = c0;
  const MatrixView<const T> av(a.view()), bv(b.view());
  const auto ap = av.block(1, a_shape[0], 2, a_shape[1]),
             bp = bv.block(2, b_shape[0], 1, b_shape[1]);
  const auto cp = MatrixView<T>(c.view()).block(1, n.m, 1, n.n);
  if (o.beta == 0 && !with_bias)  // ignored, whatever it is
    for (size_t i = 0; i < n.m; ++i) std::fill_n(cp.row(i), n.n, T(NAN));
  REQUIRE(Gemm<Cpu>::run(o, ap, bp, cp, with_bias ? bias.view() : View<const T, 1>()).ok());

  double error = 0;
  size_t touched = 0;
  for (size_t i = 0; i < c.shape(0); ++i)
    for (size_t j = 0; j < c.shape(1); ++j) {
      if (i < 1 || i > n.m || j < 1 || j > n.n) {
        touched += c(i, j) != c0(i, j);
        continue;
      }
      double expected = o.alpha * product(o, ap, bp, i - 1, j - 1, n.k);
      if (with_bias)
        expected += double(bias[j - 1]);
      else if (o.beta != 0)
        expected += o.beta * double(c0(i, j));
      const double e = std::abs(double(c(i, j)) - expected);
      error = e <= error ? error : std::isnan(e) ? INFINITY : e;
    }
  INFO(n.m << " x " << n.n << " x " << n.k << (o.transpose_a ? " T" : " N")
           << (o.transpose_b ? "T" : "N") << " alpha " << o.alpha << " beta " << o.beta
           << (with_bias ? " bias" : ""));
  CHECK(touched == 0);
  CHECK(error <= double(std::numeric_limits<T>::epsilon()) * (4 + 3 * double(n.k)));
}

template <class T>
void check_sizes(const std::vector<Sizes>& sizes) {
  for (const Sizes& n : sizes)
    for (const bool ta : {false, true})
      for (const bool tb : {false, true}) {
        check<T>(n, {.transpose_a = ta, .transpose_b = tb}, false);
        check<T>(n, {.transpose_a = ta, .transpose_b = tb, .alpha = -0.5, .beta = 1}, false);
        check<T>(n, {.transpose_a = ta, .transpose_b = tb, .beta = 0.25}, false);
        check<T>(n, {.transpose_a = ta, .transpose_b = tb, .alpha = 2}, true);
      }
}

template <class T>
std::vector<T> result(const Sizes& n, bool ta, bool tb, int threads) {
  const Threads set(threads);
  const auto a = random_tensor<T, 2>(ta ? Shape<2>{n.k, n.m} : Shape<2>{n.m, n.k}, 1);
  const auto b = random_tensor<T, 2>(tb ? Shape<2>{n.n, n.k} : Shape<2>{n.k, n.n}, 2);
  Tensor<T, 2> c({n.m, n.n});
  REQUIRE(Gemm<Cpu>::run({.transpose_a = ta, .transpose_b = tb}, a.view(), b.view(),
                         MatrixView<T>(c.view()))
              .ok());
  return {c.data(), c.data() + c.count()};
}

const std::vector<Sizes> small{{1, 1, 1}, {3, 2, 5}, {1, 17, 4}, {19, 1, 3},
                               {4, 4, 0}, {0, 3, 2}, {3, 0, 2},  {33, 31, 29}};

}  // namespace

TEST_CASE("gemm: float against plain loops", "[kernels]") { check_sizes<float>(small); }
TEST_CASE("gemm: double against plain loops", "[kernels]") { check_sizes<double>(small); }

TEST_CASE("gemm: many tiles against plain loops", "[kernels]") {
  for (const Sizes& n : {Sizes{300, 200, 150}, {17, 700, 333}, {65, 40, 2000}}) {
    const Threads set(2);
    check<float>(n, {.transpose_b = true}, true);
    check<float>(n, {.transpose_a = true, .beta = 1}, false);
    check<double>(n, {}, false);
  }
}

TEST_CASE("gemm: the same bytes on any number of threads", "[kernels]") {
  for (const Sizes& n : {Sizes{300, 200, 150}, {5, 3000, 400}, {257, 129, 511}, {8, 8, 50000}})
    for (const bool t : {false, true})
      vcell_test::check_same_on_any_threads([&] { return result<float>(n, t, !t, num_threads()); });
  vcell_test::check_same_on_any_threads([] {
    return result<double>({300, 200, 150}, false, false, num_threads());
  });
}

TEST_CASE("gemm: the same bytes in every run, from several callers at once", "[kernels]") {
  const Sizes n{120, 130, 140};
  const auto expected = result<float>(n, false, true, 3);
  const Threads set(3);
  std::vector<int> same(24);
  parallel_for(same.size(), 1, [&](size_t i, size_t) {
    const auto a = random_tensor<float, 2>({n.m, n.k}, 1),
               b = random_tensor<float, 2>({n.n, n.k}, 2);
    Tensor<float, 2> c({n.m, n.n});
    same[i] = Gemm<Cpu>::run({.transpose_b = true}, a.view(), b.view(), MatrixView<float>(c.view()))
                  .ok() &&
              std::equal(expected.begin(), expected.end(), c.data());
  });
  for (const int s : same) CHECK(s);
}

TEST_CASE("gemm: what is not a number shows", "[kernels]") {
  Tensor<float, 2> a({3, 4}), b({4, 5}), c({3, 5});
  a(1, 2) = NAN;
  REQUIRE(Gemm<Cpu>::run({}, std::as_const(a).view(), std::as_const(b).view(),
                         MatrixView<float>(c.view()))
              .ok());
  for (size_t i = 0; i < 3; ++i)
    for (size_t j = 0; j < 5; ++j) CHECK(std::isnan(c(i, j)) == (i == 1));
}
