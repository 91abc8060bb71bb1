#pragma once

#include "vcell/tensor/view.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// A borrowed matrix whose rows lie `stride` elements apart: a tile of a larger matrix, or one
/// head's columns of a projection.
template <class T>
struct MatrixView {
  T* data = nullptr;
  size_t rows = 0, columns = 0, stride = 0;

  MatrixView() = default;
  MatrixView(T* elements, size_t n_rows, size_t n_columns, size_t row_stride)
      : data(elements), rows(n_rows), columns(n_columns), stride(row_stride) {}
  MatrixView(View<T, 2> v)
      : data(v.data), rows(v.shape[0]), columns(v.shape[1]), stride(v.shape[1]) {}
  template <class U, class = std::enable_if_t<std::is_same_v<const U, T>>>
  MatrixView(const MatrixView<U>& m)
      : data(m.data), rows(m.rows), columns(m.columns), stride(m.stride) {}
  template <class U, class = std::enable_if_t<std::is_same_v<const U, T>>, class = void>
  MatrixView(View<U, 2> v) : MatrixView(View<T, 2>(v)) {}

  T* row(size_t i) const { return data + i * stride; }
  /// rows r .. r + n - 1, columns c .. c + m - 1. Not checked. Nothing is counted from no memory,
  /// which is what a matrix without elements has.
  MatrixView block(size_t r, size_t n, size_t c, size_t m) const {
    return {data ? data + r * stride + c : nullptr, n, m, stride};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
