#pragma once

#include <algorithm>

#include "vcell/kernels/matrix_view.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel::detail {

/// The largest part of a product that a library can be given whose sizes and strides are at most
/// `most`. A matrix whose rows lie further apart is given a row at a time: one row has no stride.
struct ProductBlock {
  size_t rows, columns, depth;

  ProductBlock(size_t most, bool transpose_a, bool transpose_b, size_t a_stride, size_t b_stride,
               size_t c_stride)
      : rows(most), columns(most), depth(most) {
    if (c_stride > most) rows = 1;
    if (a_stride > most) (transpose_a ? depth : rows) = 1;
    if (b_stride > most) (transpose_b ? columns : depth) = 1;
  }
};

/// What stands for the stride of a block: that of one row does not matter, as long as a library
/// finds it no smaller than the row.
template <class T>
size_t block_stride(MatrixView<T> m) {
  return std::max<size_t>(m.rows > 1 ? m.stride : m.columns, 1);
}

/// C = alpha op(A) op(B) + beta C as products whose sizes and strides are at most `most`: calls
/// product(depth, a, b, beta, c) for each, in an order that depends on the sizes alone.
template <class T, class F>
void product_in_blocks(size_t most, bool transpose_a, bool transpose_b, size_t depth,
                       MatrixView<const T> a, MatrixView<const T> b, T beta, MatrixView<T> c,
                       F product) {
  const ProductBlock block(most, transpose_a, transpose_b, block_stride(a), block_stride(b),
                           block_stride(c));
  for (size_t i = 0; i < c.rows; i += block.rows)
    for (size_t j = 0; j < c.columns; j += block.columns)
      for (size_t l = 0; l < depth; l += block.depth) {
        const size_t m = std::min(block.rows, c.rows - i),
                     n = std::min(block.columns, c.columns - j),
                     k = std::min(block.depth, depth - l);
        product(k, transpose_a ? a.block(l, k, i, m) : a.block(i, m, l, k),
                transpose_b ? b.block(j, n, l, k) : b.block(l, k, j, n), l == 0 ? beta : T(1),
                c.block(i, m, j, n));
      }
}

}  // namespace kernel::detail
VCELL_END_NAMESPACE
