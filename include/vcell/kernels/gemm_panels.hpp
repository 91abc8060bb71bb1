#pragma once

#include <algorithm>
#include <type_traits>

#include "vcell/core/bfloat16.hpp"
#include "vcell/kernels/serial_gemm.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel::detail {

/// What products of A and B are summed in, to become C: double for double alone, else float.
template <class A, class B, class C>
struct GemmSum {
  static constexpr bool doubles =
      std::is_same_v<A, double> && std::is_same_v<B, double> && std::is_same_v<C, double>;
  template <class T>
  static constexpr bool narrow = std::is_same_v<T, float> || std::is_same_v<T, bfloat16>;
  static_assert(doubles || (narrow<A> && narrow<B> && narrow<C>),
                "vcell: gemm takes double for A, B and C, or float and bfloat16 in any mixture");
  using type = std::conditional_t<doubles, double, float>;
};

/// How much of the depth of a tile is done at a time: all of it as long as nothing is widened, else
/// so much that panels stay in the cache of a core.
template <class A, class B, class Sum>
size_t panel_depth(size_t rows, size_t columns, size_t depth) {
  if (std::is_same_v<A, Sum> && std::is_same_v<B, Sum>) return depth;
  constexpr size_t elements = size_t(1) << 18, least = 64;
  return std::min(depth, std::max(least, elements / std::max<size_t>(rows + columns, 1) / 16 * 16));
}

/// Elements of scratch for a panel of a matrix of type T; none where products read it as it is.
template <class T, class Sum>
size_t panel_elements(size_t side, size_t depth) {
  return std::is_same_v<T, Sum> ? 0 : (side * depth + 15) / 16 * 16;
}

/// A block as products take it: itself, or widened into a panel.
template <class Sum, class T>
MatrixView<const Sum> widen(MatrixView<const T> m, [[maybe_unused]] Sum* panel) {
  if constexpr (std::is_same_v<T, Sum>) {
    return m;
  } else {
    for (size_t i = 0; i < m.rows; ++i) {
      const T* from = m.row(i);
      Sum* to = panel + i * m.columns;
      for (size_t j = 0; j < m.columns; ++j) to[j] = Sum(from[j]);
    }
    return {panel, m.rows, m.columns, m.columns};
  }
}

/// z[h] = alpha op(A) op(B[h]) + beta z[h] for one or two blocks of columns, which read A together.
/// Matrices that are not of type Sum pass through panels, `step` of the depth at a time.
template <class A, class B, class Sum>
void panel_gemm(const ProductSession& session, bool transpose_a, bool transpose_b, size_t depth,
                size_t step, Sum alpha, MatrixView<const A> a, const MatrixView<const B> (&b)[2],
                Sum beta, const MatrixView<Sum> (&z)[2], size_t width, Sum* panel_a, Sum* panel_b) {
  const size_t rows = z[0].rows, columns = z[0].columns;
  size_t l = 0;
  do {  // once for a depth of 0, too
    const size_t k = std::min(step, depth - l);
    const auto ak =
        widen<Sum>(transpose_a ? a.block(l, k, 0, rows) : a.block(0, rows, l, k), panel_a);
    for (size_t h = 0; h < width; ++h) {
      const auto bk = widen<Sum>(
          transpose_b ? b[h].block(0, columns, l, k) : b[h].block(l, k, 0, columns), panel_b);
      serial_gemm<Sum>(session, transpose_a, transpose_b, alpha, ak, bk, l == 0 ? beta : Sum(1),
                       z[h]);
    }
    l += step;
  } while (l < depth);
}

}  // namespace kernel::detail
VCELL_END_NAMESPACE
