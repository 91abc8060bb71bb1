#pragma once

#include <cstring>
#include <utility>

#include "vcell/data/csr_matrix.hpp"
#include "vcell/data/dense_matrix.hpp"
#include "vcell/data/numbers.hpp"

VCELL_BEGIN_NAMESPACE

/// How a file keeps a sparse matrix. In memory it lies by rows with 32-bit columns in any case; it
/// is written as it was read, with wider indices where it needs them.
struct SparseLayout {
  bool by_columns = false;         ///< csc_matrix, else csr_matrix
  DType index_type = DType::i32;   ///< of `indices`: i32 or i64
  DType offset_type = DType::i32;  ///< of `indptr`: i32 or i64

  friend bool operator==(const SparseLayout&, const SparseLayout&) = default;
};

/// What X, a layer or another aligned matrix is: sparse by rows (see CsrMatrix) or dense, with
/// values of any dtype. What computes reads it as the type it wants: see row_block, to_csr,
/// to_dense, copy_row.
class Matrix {
 public:
  /// Dense, without rows and columns.
  Matrix() = default;
  /// @throws ShapeError if the parts do not fit each other
  template <class T>
  Matrix(CsrMatrix<T> m, SparseLayout as = {})
      : Matrix(m.rows, m.columns, std::move(m.indptr), std::move(m.indices), std::move(m.values),
               as) {}
  /// @throws ShapeError if there are not rows * columns values
  template <class T>
  Matrix(DenseMatrix<T> m) : Matrix(m.rows, m.columns, std::move(m.values)) {}
  /// A sparse matrix of its parts.
  template <class = void>
  Matrix(size_t rows, size_t columns, std::vector<int64_t> indptr, std::vector<int32_t> indices,
         Numbers values, SparseLayout as = {})
      : layout(as),
        rows_(rows),
        columns_(columns),
        is_sparse_(true),
        indptr_(std::move(indptr)),
        indices_(std::move(indices)),
        values_(std::move(values)) {
    check_size_match("Matrix", "entries in indptr", indptr_.size(), "rows + 1", rows + 1);
    check_size_match("Matrix", "values", values_.size(), "indices", indices_.size());
    check_size_match("Matrix", "values", values_.size(), "the last of indptr",
                     size_t(indptr_.back()));
  }
  /// A dense matrix, row major.
  template <class = void>
  Matrix(size_t rows, size_t columns, Numbers values)
      : rows_(rows), columns_(columns), values_(std::move(values)) {
    check_size_match("Matrix", "values", values_.size(), "rows * columns", rows * columns);
  }

  /// Of a sparse one, how it is written.
  SparseLayout layout;

  size_t rows() const { return rows_; }
  size_t columns() const { return columns_; }
  bool is_sparse() const { return is_sparse_; }
  DType dtype() const { return values_.dtype(); }
  /// Of a sparse matrix those that are stored, of a dense one all, row major. Their number stays,
  /// their type may change.
  const Numbers& values() const { return values_; }
  Numbers& values() { return values_; }
  /// Where the values of each row begin; none of a dense matrix.
  const std::vector<int64_t>& indptr() const { return indptr_; }
  /// The columns of the values; none of a dense matrix.
  const std::vector<int32_t>& indices() const { return indices_; }

  /// Where the values of a row begin and how many there are.
  std::pair<size_t, size_t> row_range(size_t row) const {
    if (!is_sparse_) return {row * columns_, columns_};
    return {size_t(indptr_[row]), size_t(indptr_[row + 1] - indptr_[row])};
  }

  /// A sparse matrix of T, borrowed.
  /// @throws FormatError if it is sparse of another type; ShapeError if it is dense
  template <class T>
  CsrView<T> csr() const {
    if (!is_sparse_) [[unlikely]]
      detail::fail<ShapeError>("Matrix::csr: the matrix is dense");
    return {rows_, columns_, indptr_, indices_, values_.values<T>()};
  }

  /// Drops the rows whose flag is 0, in place.
  /// @throws ShapeError if there is not one flag per row
  template <class = void>
  void keep_rows(std::span<const uint8_t> keep);
  /// Drops the columns whose flag is 0, in place.
  /// @throws ShapeError if there is not one flag per column
  template <class = void>  // defined here because nvcc takes no generic lambda in it further below
  void keep_columns(std::span<const uint8_t> keep) {
    check_size_match("Matrix::keep_columns", "flags", keep.size(), "columns", columns_);
    std::vector<int32_t> place(columns_);  // of a column among those that stay
    int32_t kept = 0;
    for (size_t column = 0; column < columns_; ++column) place[column] = kept += keep[column] != 0;
    size_t end = 0, begin = 0;
    visit_storage(dtype(), [&]<class T>() {
      const auto values = values_.values<T>();
      for (size_t row = 0; row < rows_; ++row) {
        const size_t next = is_sparse_ ? size_t(indptr_[row + 1]) : begin + columns_;
        for (size_t i = begin; i < next; ++i) {
          const size_t column = is_sparse_ ? size_t(indices_[i]) : i - begin;
          if (!keep[column]) continue;
          values[end] = values[i];
          if (is_sparse_) indices_[end] = place[column] - 1;
          ++end;
        }
        begin = next;
        if (is_sparse_) indptr_[row + 1] = int64_t(end);
      }
    });
    columns_ = size_t(kept);
    values_.truncate(end);
    if (is_sparse_) indices_.resize(end);
  }

  /// As a sparse matrix of T, of what was here; zeros of a dense matrix are left out.
  template <class T>
  CsrMatrix<T> take_csr();

  friend bool operator==(const Matrix&, const Matrix&) = default;

 private:
  size_t rows_ = 0, columns_ = 0;
  bool is_sparse_ = false;
  std::vector<int64_t> indptr_;
  std::vector<int32_t> indices_;
  Numbers values_;
};

template <class>
void Matrix::keep_rows(std::span<const uint8_t> keep) {
  check_size_match("Matrix::keep_rows", "flags", keep.size(), "rows", rows_);
  const size_t width = size_of(dtype());
  const auto bytes = values_.bytes();
  size_t kept = 0, end = 0;  // rows, and values in them: never behind those that are read
  for (size_t row = 0; row < rows_; ++row) {
    if (!keep[row]) continue;
    const auto [begin, size] = row_range(row);
    if (begin != end && size) {
      std::memmove(bytes.data() + end * width, bytes.data() + begin * width, size * width);
      if (is_sparse_) std::copy_n(indices_.data() + begin, size, indices_.data() + end);
    }
    end += size;
    if (is_sparse_) indptr_[kept + 1] = int64_t(end);
    ++kept;
  }
  rows_ = kept;
  values_.truncate(end);
  if (!is_sparse_) return;
  indices_.resize(end);
  indptr_.resize(kept + 1);
}

/// The rows in the given order, as the same kind of matrix; a row may be named more than once.
/// @throws ShapeError if there is no such row
template <class = void>
Matrix select_rows(const Matrix& m, std::span<const size_t> rows) {
  if (!m.is_sparse()) {
    for (size_t row : rows) check_index("select_rows", "row", row, m.rows());
    return {rows.size(), m.columns(), m.values().select(rows, m.columns())};
  }
  return m.values().visit<Matrix>([&]<class T>(std::span<const T> values) {
    auto picked =
        select_rows(CsrView<T>{m.rows(), m.columns(), m.indptr(), m.indices(), values}, rows);
    return Matrix(rows.size(), m.columns(), std::move(picked.indptr), std::move(picked.indices),
                  Numbers(std::move(picked.values), m.dtype()), m.layout);
  });
}

/// The columns in the given order, as the same kind of matrix; a column may be named more than
/// once.
/// @throws ShapeError if there is no such column
template <class = void>
Matrix select_columns(const Matrix& m, std::span<const size_t> columns) {
  return m.values().visit<Matrix>([&]<class T>(std::span<const T> values) {
    if (!m.is_sparse()) {
      auto picked = select_columns(DenseView<T>{m.rows(), m.columns(), values}, columns);
      return Matrix(m.rows(), columns.size(), Numbers(std::move(picked.values), m.dtype()));
    }
    auto picked =
        select_columns(CsrView<T>{m.rows(), m.columns(), m.indptr(), m.indices(), values}, columns);
    return Matrix(m.rows(), columns.size(), std::move(picked.indptr), std::move(picked.indices),
                  Numbers(std::move(picked.values), m.dtype()), m.layout);
  });
}

/// Appends rows first .. last - 1 of a matrix to a sparse one, rounded to nearest where T is
/// shorter; zeros of a dense matrix are left out.
template <class T>
void append_rows(CsrMatrix<T>& out, const Matrix& m, size_t first, size_t last) {
  std::vector<T> row;
  for (size_t i = first; i < last; ++i) {
    const auto [begin, size] = m.row_range(i);
    row.resize(size);
    m.values().copy(begin, size, row.data());
    if (m.is_sparse()) {
      const auto indices = m.indices().begin() + std::ptrdiff_t(begin);
      out.indices.insert(out.indices.end(), indices, indices + std::ptrdiff_t(size));
      out.values.insert(out.values.end(), row.begin(), row.end());
    } else {
      for (size_t j = 0; j < size; ++j) {
        if (row[j] == T(0)) continue;
        out.indices.push_back(int32_t(j));
        out.values.push_back(row[j]);
      }
    }
    out.end_row();
  }
}

/// As a sparse matrix with values of type T, rounded to nearest where T is shorter; zeros of a
/// dense matrix are left out.
template <class T>
CsrMatrix<T> to_csr(const Matrix& m) {
  CsrMatrix<T> out;
  out.columns = m.columns();
  if (m.is_sparse()) {
    out.rows = m.rows();
    out.indptr = m.indptr();
    out.indices = m.indices();
    out.values.resize(m.values().size());
    m.values().copy(0, out.values.size(), out.values.data());
  } else {
    append_rows(out, m, 0, m.rows());
  }
  return out;
}

template <class T>
CsrMatrix<T> Matrix::take_csr() {
  CsrMatrix<T> out;
  if (is_sparse_) {
    out.rows = rows_;
    out.columns = columns_;
    out.indptr = std::move(indptr_);
    out.indices = std::move(indices_);
    if (values_.holds<T>()) {
      out.values = values_.take<T>();
    } else {
      out.values.resize(values_.size());
      values_.copy(0, values_.size(), out.values.data());
    }
  } else {
    out = to_csr<T>(*this);
  }
  *this = Matrix();
  return out;
}

/// The same without a copy where m is such a matrix already.
template <class T>
CsrMatrix<T> to_csr(Matrix&& m) {
  return m.take_csr<T>();
}

/// Writes one row, zeros included, rounded to nearest when T is shorter.
/// @throws ShapeError if there is no such row or out has not one place per column
template <class T>
void copy_row(const Matrix& m, size_t row, std::span<T> out) {
  check_index("copy_row", "row", row, m.rows());
  check_size_match("copy_row", "size of out", out.size(), "columns of the matrix", m.columns());
  const auto [begin, size] = m.row_range(row);
  if (!m.is_sparse()) {
    m.values().copy(begin, size, out.data());
    return;
  }
  std::vector<T> values(size);
  m.values().copy(begin, size, values.data());
  std::fill(out.begin(), out.end(), T(0));
  for (size_t k = 0; k < size; ++k) out[size_t(m.indices()[begin + k])] = values[k];
}

/// As a dense matrix with values of type T, rounded to nearest when T is shorter.
template <class T>
DenseMatrix<T> to_dense(const Matrix& m) {
  DenseMatrix<T> out{m.rows(), m.columns(), std::vector<T>(m.rows() * m.columns())};
  for (size_t i = 0; i < out.rows; ++i) copy_row(m, i, out.row(i));
  return out;
}

VCELL_END_NAMESPACE
