#pragma once

#include <type_traits>
#include <utility>
#include <variant>

#include "vcell/data/csr_matrix.hpp"
#include "vcell/data/dense_matrix.hpp"

VCELL_BEGIN_NAMESPACE

/// What X, a layer or another aligned matrix can be. Integers of a file become float when float
/// holds every one of them exactly, else double.
using Matrix =
    std::variant<CsrMatrix<float>, CsrMatrix<double>, DenseMatrix<float>, DenseMatrix<double>>;

namespace detail {

template <class M>
constexpr bool is_csr_v = false;
template <class T>
constexpr bool is_csr_v<CsrMatrix<T>> = true;

}  // namespace detail

template <class = void>
size_t rows(const Matrix& m) {
  return std::visit<size_t>([](const auto& x) { return x.rows; }, m);
}
template <class = void>
size_t columns(const Matrix& m) {
  return std::visit<size_t>([](const auto& x) { return x.columns; }, m);
}
inline bool is_sparse(const Matrix& m) { return m.index() < 2; }
/// Values in memory: of a sparse matrix those that are stored, of a dense one all.
template <class = void>
size_t stored(const Matrix& m) {
  return std::visit<size_t>([](const auto& x) { return x.values.size(); }, m);
}

/// The rows in the given order, as the same kind of matrix.
/// @throws ShapeError if there is no such row
template <class = void>
Matrix select_rows(const Matrix& m, std::span<const size_t> rows) {
  return std::visit<Matrix>([&](const auto& x) { return select_rows(x, rows); }, m);
}
/// The columns in the given order, as the same kind of matrix.
/// @throws ShapeError if there is no such column
template <class = void>
Matrix select_columns(const Matrix& m, std::span<const size_t> columns) {
  return std::visit<Matrix>([&](const auto& x) { return select_columns(x, columns); }, m);
}

/// Appends rows first .. last - 1 of a dense matrix to a sparse one; zeros are left out.
template <class T, class From>
void append_rows(CsrMatrix<T>& out, const DenseMatrix<From>& m, size_t first, size_t last) {
  for (size_t i = first; i < last; ++i) {
    const auto row = m.row(i);
    for (size_t j = 0; j < row.size(); ++j) {
      if (row[j] == From(0)) continue;
      out.indices.push_back(int32_t(j));
      out.values.push_back(T(row[j]));
    }
    out.end_row();
  }
}

/// As a sparse matrix with values of type T, rounded to nearest when T is shorter; zeros of a dense
/// matrix are left out.
template <class T>
CsrMatrix<T> to_csr(const Matrix& m) {
  return std::visit<CsrMatrix<T>>(
      [](const auto& x) {
        CsrMatrix<T> out;
        out.columns = x.columns;
        if constexpr (detail::is_csr_v<std::decay_t<decltype(x)>>) {
          out.rows = x.rows;
          out.indptr = x.indptr;
          out.indices = x.indices;
          out.values.assign(x.values.begin(), x.values.end());
        } else {
          append_rows(out, x, 0, x.rows);
        }
        return out;
      },
      m);
}

/// The same without a copy where m is such a matrix already.
template <class T>
CsrMatrix<T> to_csr(Matrix&& m) {
  if (auto* same = std::get_if<CsrMatrix<T>>(&m)) return std::move(*same);
  return to_csr<T>(std::as_const(m));
}

/// Writes one row, zeros included, rounded to nearest when T is shorter.
/// @throws ShapeError if there is no such row or out has not one place per column
template <class T>
void copy_row(const Matrix& m, size_t row, std::span<T> out) {
  check_index("copy_row", "row", row, rows(m));
  check_size_match("copy_row", "size of out", out.size(), "columns of the matrix", columns(m));
  std::visit<void>(
      [&](const auto& x) {
        if constexpr (detail::is_csr_v<std::decay_t<decltype(x)>>) {
          std::fill(out.begin(), out.end(), T(0));
          const auto indices = x.row_indices(row);
          const auto values = x.row_values(row);
          for (size_t k = 0; k < indices.size(); ++k) out[size_t(indices[k])] = T(values[k]);
        } else {
          const auto values = x.row(row);
          for (size_t j = 0; j < out.size(); ++j) out[j] = T(values[j]);
        }
      },
      m);
}

/// As a dense matrix with values of type T, rounded to nearest when T is shorter.
template <class T>
DenseMatrix<T> to_dense(const Matrix& m) {
  if (const auto* same = std::get_if<DenseMatrix<T>>(&m)) return *same;
  DenseMatrix<T> out{rows(m), columns(m), std::vector<T>(rows(m) * columns(m))};
  for (size_t i = 0; i < out.rows; ++i) copy_row(m, i, out.row(i));
  return out;
}

VCELL_END_NAMESPACE
