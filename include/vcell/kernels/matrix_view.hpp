#pragma once

#include "vcell/tensor/view.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// A borrowed matrix whose rows lie `stride` elements apart: a tile of a larger matrix, or one
/// head's columns of a projection.
template <class T, class Device = Cpu>
struct MatrixView {
  T* data = nullptr;
  size_t rows = 0, columns = 0, stride = 0;

  MatrixView() = default;
  MatrixView(T* elements, size_t n_rows, size_t n_columns, size_t row_stride)
      : data(elements), rows(n_rows), columns(n_columns), stride(row_stride) {}
  MatrixView(View<T, 2, Device> v)
      : data(v.data), rows(v.shape[0]), columns(v.shape[1]), stride(v.shape[1]) {}
  template <class U, class = std::enable_if_t<std::is_same_v<const U, T>>>
  MatrixView(const MatrixView<U, Device>& m)
      : data(m.data), rows(m.rows), columns(m.columns), stride(m.stride) {}
  template <class U, class = std::enable_if_t<std::is_same_v<const U, T>>, class = void>
  MatrixView(View<U, 2, Device> v) : MatrixView(View<T, 2, Device>(v)) {}

  explicit operator bool() const { return data != nullptr; }
  T* row(size_t i) const { return data + i * stride; }
  /// rows r .. r + n - 1, columns c .. c + m - 1. Not checked. Nothing is counted from no memory,
  /// which is what a matrix without elements has.
  MatrixView block(size_t r, size_t n, size_t c, size_t m) const {
    return {data ? data + r * stride + c : nullptr, n, m, stride};
  }
};

/// The same elements to be read: what takes matrices of several types takes views of them, too.
template <class T, class Device>
MatrixView<const T, Device> read_only(MatrixView<T, Device> m) {
  return {m.data, m.rows, m.columns, m.stride};
}
template <class T, class Device>
MatrixView<const T, Device> read_only(View<T, 2, Device> v) {
  return {v.data, v.shape[0], v.shape[1], v.shape[1]};
}

}  // namespace kernel
VCELL_END_NAMESPACE
