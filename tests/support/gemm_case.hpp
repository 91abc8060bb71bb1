// Products against plain loops: matrices of any type that lie within larger ones, one after the
// other for a batch, and everything that an epilogue reads or writes.
#pragma once

#include <cmath>
#include <limits>
#include <vector>

#include "support/random_tensor.hpp"
#include "support/threads.hpp"
#include "vcell/kernels/gemm.hpp"

namespace vcell_test {

using vcell::bfloat16, vcell::Cpu;
using vcell::kernel::Epilogue, vcell::kernel::EpilogueKind, vcell::kernel::Gemm;
using vcell::kernel::GemmOptions, vcell::kernel::MatrixView;

/// `count` matrices (rows, columns), each amid rows and columns more: few, or as many as keep every
/// row and matrix a multiple of 8 elements apart.
template <class T>
struct Field {
  size_t rows, columns, count;
  bool aligned;
  std::vector<T> values;

  Field(size_t r, size_t c, size_t n, uint64_t seed, bool align = false)
      : rows(r), columns(c), count(n), aligned(align), values(n * each()) {
    vcell::Rng rng(seed);
    for (T& v : values) v = T(float(rng.normal()));
  }
  size_t stride() const { return aligned ? (columns + 16) / 8 * 8 : columns + 3; }
  size_t each() const { return (rows + 3) * stride(); }
  /// Of the first element.
  size_t offset() const { return stride() + (aligned ? 8 : 2); }
  /// The first of them; the others lie each() further on.
  MatrixView<T> view() {
    return {count ? values.data() + offset() : nullptr, rows, columns, stride()};
  }
  T& at(size_t p, size_t i, size_t j) { return values[p * each() + offset() + i * stride() + j]; }
  void fill(T value) {
    for (size_t p = 0; p < count; ++p)
      for (size_t i = 0; i < rows; ++i)
        for (size_t j = 0; j < columns; ++j) at(p, i, j) = value;
  }
  /// Elements outside of the matrices that are others than in `before`.
  size_t touched(Field before) {
    Field now = *this;
    now.fill(T(0)), before.fill(T(0));
    size_t n = 0;
    for (size_t i = 0; i < values.size(); ++i) n += float(now.values[i]) != float(before.values[i]);
    return n;
  }
};

struct GemmCase {
  size_t m, n, k;
  bool transpose_a = false, transpose_b = false, accumulate = false;
  double alpha = 1;
  EpilogueKind kind = EpilogueKind::none;
  bool bias = true, stored = false;
  size_t batch = 1;
  bool one_a = false, one_b = false;  ///< the same one for the whole batch
  bool compare = true;                ///< false: only what comes out counts
  bool aligned = false;               ///< every row and matrix starts at a multiple of 8 elements
  double rounding = 0;                ///< of each factor before it is multiplied, relative
};

/// What a product wrote: C and what it stored.
template <class C>
struct GemmResult {
  std::vector<C> c, stored;
};

inline double logistic(double x) { return 1 / (1 + std::exp(-x)); }

/// Where everything of one product lies.
template <class A, class B, class C>
struct GemmFields {
  Field<A> a;
  Field<B> b;
  Field<C> c, residual, stored, bias;
  GemmOptions options;

  explicit GemmFields(const GemmCase& t, size_t z_columns)
      : a(t.transpose_a ? t.k : t.m, t.transpose_a ? t.m : t.k, t.one_a ? 1 : t.batch, 1,
          t.aligned),
        b(t.transpose_b ? z_columns : t.k, t.transpose_b ? t.k : z_columns, t.one_b ? 1 : t.batch,
          2, t.aligned),
        c(t.m, t.n, t.batch, 3, t.aligned),
        residual(t.m, t.n, t.batch, 4, t.aligned),
        stored(t.m, z_columns, t.batch, 5, t.aligned),
        bias(1, z_columns, 1, 6, t.aligned),
        options{.transpose_a = t.transpose_a,
                .transpose_b = t.transpose_b,
                .alpha = t.alpha,
                .accumulate = t.accumulate} {
    options.batch = {.count = t.batch,
                     .a = t.one_a ? 0 : a.each(),
                     .b = t.one_b ? 0 : b.each(),
                     .c = c.each(),
                     .residual = residual.each(),
                     .stored = stored.each()};
  }
};

/// Multiplies on the Cpu, in scratch memory that holds not-a-number.
struct GemmOnCpu {
  template <class A, class B, class C>
  vcell::kernel::Status operator()(const GemmCase& t, GemmFields<A, B, C>& f) const {
    Epilogue<C> e{.kind = t.kind, .residual = f.residual.view()};
    if (t.bias) e.bias = {f.bias.view().data, {f.bias.columns}};
    if (t.stored) e.stored = f.stored.view();
    const vcell::Context<vcell::Cpu> context;
    const size_t bytes =
        Gemm<Cpu>::run_scratch(context, f.options, f.a.view(), f.b.view(), f.c.view(), e);
    auto scratch = vcell::Tensor<uint8_t, 1>::uninitialized({bytes});
    std::fill(scratch.values().begin(), scratch.values().end(), uint8_t(0xff));
    return Gemm<Cpu>::run(context, f.options, f.a.view(), f.b.view(), f.c.view(), e,
                          {reinterpret_cast<std::byte*>(scratch.data()), {bytes}});
  }
};

/// One product compared element by element; what lies around C and `stored` must stay.
/// @param run  multiplies, in place: a GemmOnCpu or what is like it
template <class A, class B, class C, class Run = GemmOnCpu>
GemmResult<C> check_gemm(const GemmCase& t, const Run& run = {}) {
  constexpr bool doubles = std::is_same_v<C, double>;
  const size_t width = t.kind == EpilogueKind::silu_gate ? 2 : 1, z_columns = width * t.n;
  GemmFields<A, B, C> fields(t, z_columns);
  auto& [a, b, c, residual, stored, bias, options] = fields;
  if (!t.accumulate) c.fill(C(NAN));
  stored.fill(C(NAN));
  if (t.kind != EpilogueKind::bias_residual) residual.fill(C(NAN));
  if (t.kind == EpilogueKind::none) bias.fill(C(NAN));
  Field<C> c0 = c, stored0 = stored;
  const auto status = run(t, fields);
  INFO(t.m << " x " << t.n << " x " << t.k << (t.transpose_a ? " T" : " N")
           << (t.transpose_b ? "T" : "N") << " alpha " << t.alpha << " accumulate " << t.accumulate
           << " kind " << int(t.kind) << " stored " << t.stored << " aligned " << t.aligned
           << " batch " << t.batch << " sizes " << sizeof(A) << sizeof(B) << sizeof(C));
  REQUIRE(status.ok());

  constexpr double sum = doubles ? 2.3e-16 : 1.2e-7;
  constexpr double rounding = std::is_same_v<C, bfloat16> ? 1. / 256 : sum;
  size_t wrong = 0;
  double z[2], size[2];
  for (size_t p = 0; p < (t.compare ? t.batch : 0); ++p)
    for (size_t i = 0; i < t.m; ++i)
      for (size_t j = 0; j < t.n; ++j) {
        for (size_t h = 0; h < width; ++h) {
          const size_t column = h * t.n + j, pa = t.one_a ? 0 : p, pb = t.one_b ? 0 : p;
          z[h] = size[h] = 0;
          for (size_t l = 0; l < t.k; ++l) {
            const double term = double(t.transpose_a ? a.at(pa, l, i) : a.at(pa, i, l)) *
                                double(t.transpose_b ? b.at(pb, column, l) : b.at(pb, l, column));
            z[h] += t.alpha * term, size[h] += std::abs(t.alpha * term);
          }
          if (t.bias && t.kind != EpilogueKind::none) z[h] += double(bias.at(0, 0, column));
          // Of its error.
          size[h] = (sum * (8 + 2 * std::sqrt(double(t.k))) + 2 * t.rounding) * (size[h] + 1);
          if (t.stored)
            wrong += !(std::abs(double(stored.at(p, i, column)) - z[h]) <=
                       size[h] + rounding * std::abs(z[h]));
        }
        double expected = z[0], slack = 2 * size[0];
        if (t.kind == EpilogueKind::bias_gelu)
          expected = z[0] * 0.5 * std::erfc(-z[0] / std::sqrt(2.));
        else if (t.kind == EpilogueKind::bias_gelu_tanh)
          expected = z[0] * logistic(1.5957691216057308 * (z[0] + 0.044715 * z[0] * z[0] * z[0]));
        else if (t.kind == EpilogueKind::silu_gate) {
          expected = z[0] * logistic(z[0]) * z[1];
          slack = 2 * (size[0] * std::abs(z[1]) + size[1] * std::abs(z[0]));
        } else if (t.kind == EpilogueKind::bias_residual)
          expected += double(residual.at(p, i, j));
        if (t.accumulate) expected += double(c0.at(p, i, j));
        wrong += !(std::abs(double(c.at(p, i, j)) - expected) <=
                   slack + (rounding + 4 * sum) * (1 + std::abs(expected)));
      }
  CHECK(wrong == 0);
  CHECK(c.touched(c0) == 0);
  CHECK(stored.touched(stored0) == 0);
  if (!t.stored) stored.fill(C(0));
  return {c.values, stored.values};
}

}  // namespace vcell_test
