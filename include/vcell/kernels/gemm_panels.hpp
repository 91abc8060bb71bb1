#pragma once

#include <algorithm>
#include <type_traits>

#include "vcell/core/bfloat16.hpp"
#include "vcell/kernels/gemm_tiles.hpp"
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

/// How op(A) and op(B) of a tile reach the product library: as they are, or copied into panels of
/// type Sum, some of the depth at a time. A panel of B is (depth, columns), whichever way B lies:
/// a library that takes long for transposed ones is given none.
template <class A, class B, class Sum>
struct Panels {
  bool copy_a, copy_b, transpose_a, transpose_b;
  size_t width, rows, columns, depth;
  size_t step;        ///< of the depth at a time
  size_t in_a, in_b;  ///< elements of a panel of A, and of one of B; 0 where there is none

  /// @param of_rows, of_columns  of the largest tile
  /// @param blocks               of columns of B that are read with the same rows of A: 1 or 2
  Panels(bool ta, bool tb, size_t of_rows, size_t of_columns, size_t k, size_t blocks)
      : copy_a(!std::is_same_v<A, Sum>),
        copy_b(copies_b(tb)),
        transpose_a(ta),
        transpose_b(tb),
        width(blocks),
        rows(of_rows),
        columns(of_columns),
        depth(k) {
    constexpr size_t most = Tiles::most_panel, least = 64;
    const size_t side = copy_a * rows + copy_b * stride_b() * width;
    step = side == 0 || side <= most / std::max<size_t>(depth, 1)
               ? depth
               : std::min(depth, std::max(least, most / side / 16 * 16));
    in_a = copy_a ? whole_lines(rows * step) : 0;
    in_b = copy_b ? step * stride_b() : 0;
  }

  static bool copies_b(bool transposed) {
    return !std::is_same_v<B, Sum> || (transposed && slow_transposed_b<Sum>);
  }
  size_t elements() const { return in_a + width * in_b; }
  /// Whether a panel of B serves all rows of its columns: it holds the whole depth.
  bool lasts() const { return copy_b && step == depth; }

  /// The block [l, l + k) of the depth of op(A), for a product with transpose_a.
  MatrixView<const Sum> of_a(MatrixView<const A> a, size_t l, size_t k, Sum* panel) const {
    const auto part = transpose_a ? a.block(l, k, 0, a.columns) : a.block(0, a.rows, l, k);
    if constexpr (std::is_same_v<A, Sum>) {
      return part;
    } else {
      for (size_t i = 0; i < part.rows; ++i)
        for (size_t j = 0; j < part.columns; ++j) panel[i * part.columns + j] = Sum(part.row(i)[j]);
      return {panel, part.rows, part.columns, part.columns};
    }
  }

  /// The block [l, l + k) of the depth of op(B): (k, n) where B is copied.
  MatrixView<const Sum> of_b(MatrixView<const B> b, size_t l, size_t k, Sum* panel) const {
    const auto part = transpose_b ? b.block(0, b.rows, l, k) : b.block(l, k, 0, b.columns);
    if constexpr (std::is_same_v<B, Sum>)
      if (!copy_b) return part;
    const size_t n = transpose_b ? part.rows : part.columns;
    if (transpose_b)
      copy_transposed(part, panel, stride_b());
    else
      for (size_t i = 0; i < k; ++i)
        for (size_t j = 0; j < n; ++j) panel[i * stride_b() + j] = Sum(part.row(i)[j]);
    return {panel, k, n, stride_b()};
  }

  /// panel[j][i] = m[i][j], by squares that fit the registers.
  static void copy_transposed(MatrixView<const B> m, Sum* panel, size_t stride) {
    constexpr size_t side = 16;
    for (size_t i = 0; i < m.rows; i += side)
      for (size_t j = 0; j < m.columns; j += side) {
        const size_t r = std::min(side, m.rows - i), c = std::min(side, m.columns - j);
        if (r < side || c < side) {
          for (size_t v = 0; v < c; ++v)
            for (size_t u = 0; u < r; ++u)
              panel[(j + v) * stride + i + u] = Sum(m.row(i + u)[j + v]);
          continue;
        }
        Sum square[side][side];
        for (size_t u = 0; u < side; ++u)
          for (size_t v = 0; v < side; ++v) square[v][u] = Sum(m.row(i + u)[j + v]);
        for (size_t v = 0; v < side; ++v)
          std::copy_n(square[v], side, panel + (j + v) * stride + i);
      }
  }

  /// Elements from one row of a panel of B to the next: rows start at whole cache lines.
  size_t stride_b() const { return whole_lines(columns); }

 private:
  static size_t whole_lines(size_t elements) { return (elements + 15) / 16 * 16; }
};

/// z[h] = alpha op(A) op(B[h]) + beta z[h] for one or two blocks of columns, which read A together.
/// @param made  the panels of B hold what this tile reads, from an earlier tile of its columns
template <class A, class B, class Sum>
void panel_gemm(const ProductSession& session, const Panels<A, B, Sum>& panels, Sum alpha,
                MatrixView<const A> a, const MatrixView<const B> (&b)[2], Sum beta,
                const MatrixView<Sum> (&z)[2], Sum* scratch, bool made) {
  size_t l = 0;
  do {  // once for a depth of 0, too
    const size_t k = std::min(panels.step, panels.depth - l);
    const auto ak = panels.of_a(a, l, k, scratch);
    for (size_t h = 0; h < panels.width; ++h) {
      Sum* panel = scratch + panels.in_a + h * panels.in_b;
      const auto bk = made ? MatrixView<const Sum>{panel, k, z[h].columns, panels.stride_b()}
                           : panels.of_b(b[h], l, k, panel);
      serial_gemm<Sum>(session, panels.transpose_a, panels.transpose_b && !panels.copy_b, alpha, ak,
                       bk, l == 0 ? beta : Sum(1), z[h]);
    }
    l += panels.step;
  } while (l < panels.depth);
}

}  // namespace kernel::detail
VCELL_END_NAMESPACE
