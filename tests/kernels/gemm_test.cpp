#include "vcell/kernels/gemm.hpp"

#include <cstring>

#include "support/gemm_case.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

struct Sizes {
  size_t m, n, k;
};
const std::vector<Sizes> small{{1, 1, 1}, {3, 2, 5}, {1, 17, 4}, {19, 1, 3},
                               {4, 4, 0}, {0, 3, 2}, {3, 0, 2},  {33, 31, 29}};

template <class A, class B, class C>
void check_sizes(const std::vector<Sizes>& sizes) {
  for (const Sizes& s : sizes)
    for (const bool ta : {false, true})
      for (const bool tb : {false, true}) {
        GemmCase t{s.m, s.n, s.k, ta, tb};
        check_gemm<A, B, C>(t);
        t.accumulate = true, t.alpha = -0.5;
        check_gemm<A, B, C>(t);
        t.kind = EpilogueKind::bias;
        check_gemm<A, B, C>(t);
      }
}

template <class A, class B, class C>
void check_threads(GemmCase t) {
  t.compare = false;
  vcell_test::check_same_on_any_threads([&] { return check_gemm<A, B, C>(t).c; });
}

}  // namespace

TEST_CASE("gemm: float against plain loops", "[kernels]") {
  check_sizes<float, float, float>(small);
}
TEST_CASE("gemm: double against plain loops", "[kernels]") {
  check_sizes<double, double, double>(small);
}
TEST_CASE("gemm: float and bfloat16 in every mixture", "[kernels]") {
  check_sizes<float, bfloat16, float>(small);
  check_sizes<bfloat16, float, float>(small);
  check_sizes<bfloat16, bfloat16, float>(small);
  check_sizes<float, float, bfloat16>(small);
  check_sizes<float, bfloat16, bfloat16>(small);
  check_sizes<bfloat16, float, bfloat16>(small);
  check_sizes<bfloat16, bfloat16, bfloat16>(small);
}

TEST_CASE("gemm: many tiles, and many panels in the depth, against plain loops", "[kernels]") {
  const Threads set(2);
  for (const Sizes& s : {Sizes{300, 200, 150}, {17, 700, 333}, {17, 30, 9000}}) {
    check_gemm<float, float, float>({s.m, s.n, s.k, false, true, false, 1, EpilogueKind::bias});
    check_gemm<float, float, float>({s.m, s.n, s.k, true, false, true});
    check_gemm<double, double, double>({s.m, s.n, s.k});
    for (const bool t : {false, true}) {
      check_gemm<bfloat16, bfloat16, bfloat16>({s.m, s.n, s.k, t, !t, true});
      check_gemm<float, bfloat16, float>({s.m, s.n, s.k, t, t, true, 0.5});
    }
  }
}

TEST_CASE("gemm: what is rounded is the sum alone", "[kernels]") {
  // 256 + 1 + 1 is 258 in bfloat16, but 256 where every sum is rounded.
  std::vector<bfloat16> a(2, bfloat16(1)), b(2, bfloat16(1)), c(1, bfloat16(256));
  alignas(64) std::byte scratch[1 << 16];
  const MatrixView<bfloat16> cv(c.data(), 1, 1, 1);
  GemmOptions o{.accumulate = true};
  const Context<Cpu> context;
  const MatrixView<bfloat16> av(a.data(), 1, 2, 2), bv(b.data(), 2, 1, 1);
  const size_t bytes = Gemm<Cpu>::run_scratch(context, o, av, bv, cv, {});
  REQUIRE(bytes <= sizeof scratch);
  REQUIRE(Gemm<Cpu>::run(context, o, av, bv, cv, {}, {scratch, {bytes}}).ok());
  CHECK(float(c[0]) == 258);
}

TEST_CASE("gemm: a batch, with matrices of its own or one for all", "[kernels]") {
  for (const size_t batch : {size_t(0), size_t(2), size_t(70)})
    for (const bool one_a : {false, true})
      for (const bool one_b : {false, true}) {
        GemmCase t{5, 7, 6, one_b, one_a};
        t.batch = batch, t.one_a = one_a, t.one_b = one_b;
        check_gemm<float, float, float>(t);
        check_gemm<double, double, double>(t);
        t.accumulate = true, t.kind = EpilogueKind::bias_residual;
        check_gemm<bfloat16, bfloat16, float>(t);
        t.m = 120, t.n = 90, t.k = 200, t.batch = std::min<size_t>(batch, 3), t.stored = true;
        check_gemm<float, float, float>(t);
      }
}

TEST_CASE("gemm: a batch with a bias for each product", "[kernels]") {
  const Tensor<float, 2> a({2, 3}), b({3, 4}), bias = random_tensor<float, 2>({5, 4}, 1);
  Tensor<float, 3> c({5, 2, 4});
  const GemmOptions o{.batch = {.count = 5, .c = 8, .bias = 4}};
  REQUIRE(Gemm<Cpu>::run(Context<Cpu>(), o, a.view(), b.view(),
                         MatrixView<float>(c.data(), 2, 4, 4),
                         {.kind = EpilogueKind::bias, .bias = bias.view().flat()}, {})
              .ok());
  for (size_t p = 0; p < 5; ++p)
    for (size_t i = 0; i < 2; ++i)
      for (size_t j = 0; j < 4; ++j) CHECK(c(p, i, j) == bias(p, j));
}

TEST_CASE("gemm: the same bytes on any number of threads", "[kernels]") {
  for (const Sizes& s : {Sizes{300, 200, 150}, {5, 2000, 310}, {257, 129, 511}, {8, 8, 50000}})
    for (const bool t : {false, true}) {
      check_threads<float, float, float>({s.m, s.n, s.k, t, !t});
      if (s.k < 300) check_threads<bfloat16, bfloat16, float>({s.m, s.n, s.k, !t, t});
    }
  check_threads<double, double, double>({300, 200, 150});
  GemmCase batch{20, 30, 40, false, true, false, 1, EpilogueKind::silu_gate};
  batch.batch = 100;
  check_threads<float, float, bfloat16>(batch);
}

TEST_CASE("gemm: the same bytes in every run, from several callers at once", "[kernels]") {
  const GemmCase t{120, 130, 140, false, true};
  const auto expected = check_gemm<float, float, float>(t).c;
  const Threads set(3);
  const Field<float> a0(t.m, t.k, 1, 1), b0(t.n, t.k, 1, 2), c0(t.m, t.n, 1, 3);
  std::vector<int> same(24);
  parallel_for(same.size(), 1, [&](size_t i, size_t) {
    auto a = a0, b = b0, c = c0;
    const GemmOptions o{.transpose_b = true};
    const size_t bytes = Gemm<Cpu>::run_scratch({}, o, a.view(), b.view(), c.view(), {});
    auto scratch = Tensor<uint8_t, 1>::uninitialized({bytes});
    same[i] = Gemm<Cpu>::run({}, o, a.view(), b.view(), c.view(), {},
                             {reinterpret_cast<std::byte*>(scratch.data()), {bytes}})
                  .ok() &&
              std::equal(expected.begin(), expected.end(), c.values.begin());
  });
  for (const int s : same) CHECK(s);
}

TEST_CASE("gemm: panels of another product or call are never taken for its own", "[kernels]") {
  const Threads one(1);
  const size_t m = 2000, n = 40, k = 150, count = GENERATE(1, 3);
  // Several tiles below each other, and one column of them: a call ends with the panel that the
  // next one of a single product begins with.
  const kernel::detail::Tiles tiles(m, n, k, count, 1, true);
  REQUIRE(tiles.down > 1);
  REQUIRE(tiles.across == 1);
  const Field<float> a(m, k, count, 1), b(n, k, count, 2);
  Tensor<float, 3> c({count, m, n});
  const GemmOptions o{.transpose_b = true,
                      .batch = {.count = count, .a = a.each(), .b = b.each(), .c = m * n}};
  const MatrixView<float> cv(c.data(), m, n, n);
  auto av = a, bv = b;
  const size_t bytes = Gemm<Cpu>::run_scratch({}, o, av.view(), bv.view(), cv, {});
  auto scratch = Tensor<uint8_t, 1>::uninitialized({bytes});
  for (const float factor : {1.f, 2.f}) {
    for (size_t i = 0; i < bv.values.size(); ++i) bv.values[i] = factor * b.values[i];
    REQUIRE(Gemm<Cpu>::run({}, o, av.view(), bv.view(), cv, {},
                           {reinterpret_cast<std::byte*>(scratch.data()), {bytes}})
                .ok());
    for (size_t p = 0; p < count; ++p)
      for (size_t i = 0; i < m; i += 157)
        for (size_t j = 0; j < n; j += 3) {
          double expected = 0;
          for (size_t l = 0; l < k; ++l)
            expected += double(av.view().data[p * av.each() + i * av.view().stride + l]) *
                        double(bv.view().data[p * bv.each() + j * bv.view().stride + l]);
          CHECK(c(p, i, j) == Approx(expected).margin(1e-3));
        }
  }
}

TEST_CASE("gemm: what is not a number shows", "[kernels]") {
  Tensor<float, 2> a({3, 4}), b({4, 5}), c({3, 5});
  a(1, 2) = NAN;
  REQUIRE(Gemm<Cpu>::run({}, {}, a.view(), b.view(), MatrixView<float>(c.view()), {}, {}).ok());
  for (size_t i = 0; i < 3; ++i)
    for (size_t j = 0; j < 5; ++j) CHECK(std::isnan(c(i, j)) == (i == 1));
}

TEST_CASE("gemm: refuses what it cannot do", "[kernels]") {
  Tensor<bfloat16, 2> a({3, 4}), b({4, 5}), c({3, 5});
  const MatrixView<bfloat16> cv(c.view());
  CHECK_FALSE(Gemm<Cpu>::run({}, {}, a.view(), b.view(), cv, {}, {}).ok());  // no scratch
  Tensor<float, 2> fa({3, 4}), fb({4, 5}), fc({3, 5});
  const MatrixView<float> fcv(fc.view());
  CHECK(Gemm<Cpu>::run({}, {.batch = {.count = 1}}, fa.view(), fb.view(), fcv, {}, {}).ok());
  CHECK_FALSE(Gemm<Cpu>::run({}, {.batch = {.count = 2}}, fa.view(), fb.view(), fcv, {}, {}).ok());
  CHECK_FALSE(
      Gemm<Cpu>::run({}, {}, fa.view(), fb.view(), fcv, {.kind = EpilogueKind::bias_residual}, {})
          .ok());
}

namespace {

/// Scratch of a product of these sizes; nothing is read.
template <class A, class B, class C>
size_t scratch_of(size_t m, size_t n, size_t k, const GemmOptions& o = {},
                  const Epilogue<C>& e = {}) {
  const size_t columns = e.kind == EpilogueKind::silu_gate ? 2 * n : n;
  return Gemm<Cpu>::run_scratch(Context<Cpu>(), o, MatrixView<A>(nullptr, m, k, k),
                                MatrixView<B>(nullptr, k, columns, columns),
                                MatrixView<C>(nullptr, m, n, n), e);
}

}  // namespace

TEST_CASE("gemm: scratch is wanted only where z or wider operands have no place", "[kernels]") {
  const size_t m = 100, n = 90, k = 80;
  Tensor<float, 2> z({m, 2 * n});
  const auto bytes = [&](EpilogueKind kind, bool accumulate, bool stored) {
    Epilogue<float> e{.kind = kind};
    if (stored) e.stored = z.view();
    return scratch_of<float, float, float>(m, n, k, {.accumulate = accumulate}, e);
  };
  using enum EpilogueKind;
  for (const bool accumulate : {false, true}) {
    for (const auto kind : {none, bias, bias_residual}) CHECK(bytes(kind, accumulate, false) == 0);
    for (const auto kind : {bias_gelu, bias_gelu_tanh, silu_gate}) {
      CHECK(bytes(kind, accumulate, false) > 0);
      CHECK(bytes(kind, accumulate, true) == 0);
    }
  }
  CHECK(scratch_of<float, float, bfloat16>(m, n, k) > 0);
  CHECK(scratch_of<float, bfloat16, float>(m, n, k) > 0);
  // A transposed B is copied where the library takes longer than a copy.
  CHECK((scratch_of<float, float, float>(m, n, k, {.transpose_b = true}) > 0) ==
        kernel::detail::slow_transposed_b<float>);
  CHECK(scratch_of<double, double, double>(m, n, k, {.transpose_b = true}) == 0);
  // Panels do not grow with the depth.
  CHECK(scratch_of<bfloat16, bfloat16, float>(64, 64, 1 << 20) ==
        scratch_of<bfloat16, bfloat16, float>(64, 64, 1 << 24));
}
