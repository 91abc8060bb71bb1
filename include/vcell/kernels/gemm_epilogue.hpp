#pragma once

#include <type_traits>

#include "vcell/kernels/gelu.hpp"
#include "vcell/kernels/matrix_view.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

enum class EpilogueKind { none, bias, bias_gelu, bias_gelu_tanh, silu_gate, bias_residual };

/// What becomes of a product P before it is C, with z = P + bias:
///
///   none            C = P
///   bias            C = z
///   bias_gelu       C = z Phi(z)           (kernels/gelu.hpp, Gelu)
///   bias_gelu_tanh  C = z s(2 u(z))        (kernels/gelu.hpp, GeluTanh)
///   silu_gate       C = g s(g) u           P is (m, 2 n): z = [g, u], first the gate
///   bias_residual   C = z + residual
///
/// C comes from z as it was summed, not as it was rounded to be stored. T is the type of C.
template <class T, class Device = Cpu>
struct Epilogue {
  EpilogueKind kind = EpilogueKind::none;
  /// (n), or (2 n) for a gate; null: zeros. `none` does not read it.
  View<const T, 1, Device> bias = {};
  /// (m, n), read by bias_residual alone.
  MatrixView<const T, Device> residual = {};
  /// Receives z, which backward needs: (m, n), or (m, 2 n) for a gate; null: not kept.
  MatrixView<T, Device> stored = {};
};

namespace detail {

/// Columns of the product behind one column of C.
inline size_t epilogue_width(EpilogueKind kind) { return kind == EpilogueKind::silu_gate ? 2 : 1; }

/// Whether C is a sum, which can be built up in C itself.
inline bool epilogue_is_sum(EpilogueKind kind) {
  return kind == EpilogueKind::none || kind == EpilogueKind::bias ||
         kind == EpilogueKind::bias_residual;
}

/// c[j] = value(j), or c[j] += value(j).
template <class Sum, class T, class F>
void put_row(bool accumulate, size_t n, T* c, F value) {
  if (accumulate)
    for (size_t j = 0; j < n; ++j) c[j] = T(Sum(c[j]) + value(j));
  else
    for (size_t j = 0; j < n; ++j) c[j] = T(value(j));
}

/// Makes a tile of C of its part of the product.
///
/// @param i, j  of the first element of the tile in C
/// @param n     columns of C
/// @param z     the tile's product, which becomes z; for a gate z[1] is that of columns n + j on.
///              z[0] may be c itself where the epilogue is a sum: then c has what it held before
template <class Sum, class T>
void finish_tile(const Epilogue<T>& e, bool accumulate, size_t i, size_t j, size_t n,
                 const MatrixView<Sum> (&z)[2], MatrixView<T> c) {
  const size_t columns = c.columns;
  const bool in_place = static_cast<const void*>(z[0].data) == static_cast<const void*>(c.data);
  for (size_t r = 0; r < c.rows; ++r) {
    for (size_t half = 0; half < epilogue_width(e.kind); ++half) {
      const size_t first = half * n + j;
      Sum* to = z[half].row(r);
      if (e.bias && e.kind != EpilogueKind::none)
        for (size_t q = 0; q < columns; ++q) to[q] += Sum(e.bias.data[first + q]);
      if (!e.stored.data) continue;
      T* keep = e.stored.row(i + r) + first;
      if (static_cast<const void*>(keep) != static_cast<const void*>(to))
        for (size_t q = 0; q < columns; ++q) keep[q] = T(to[q]);
    }
    const Sum* from = z[0].row(r);
    const auto put = [&](auto value) { put_row<Sum>(accumulate, columns, c.row(r), value); };
    switch (e.kind) {
      case EpilogueKind::none:
      case EpilogueKind::bias:
        if (!in_place) put([=](size_t q) { return from[q]; });
        break;
      case EpilogueKind::bias_residual: {
        const T* residual = e.residual.row(i + r) + j;
        if (in_place)
          put_row<Sum>(true, columns, c.row(r), [=](size_t q) { return Sum(residual[q]); });
        else
          put([=](size_t q) { return from[q] + Sum(residual[q]); });
        break;
      }
      case EpilogueKind::bias_gelu:
        put([=](size_t q) { return Gelu()(from[q]); });
        break;
      case EpilogueKind::bias_gelu_tanh:
        put([=](size_t q) { return GeluTanh()(from[q]); });
        break;
      case EpilogueKind::silu_gate:
        put([from, up = z[1].row(r)](size_t q) {
          return from[q] * Logistic<Sum>(from[q]).s * up[q];
        });
        break;
    }
  }
}

}  // namespace detail
}  // namespace kernel
VCELL_END_NAMESPACE
