#pragma once

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/data/row_sink.hpp"
#include "vcell/io/h5ad/write_value.hpp"
#include "vcell/io/transposed_rows.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// A matrix of a file that is being written, which takes its rows in blocks (see RowSink). What it
/// keeps is the offsets of the rows of a sparse one.
template <class T>
class MatrixOutput {
 public:
  /// @param dtype  in the file
  /// @param rows    how many come; where the layout is by columns they are the matrix's columns
  /// @param stored  values of a sparse one, if that is known
  MatrixOutput(const OutputGroup& parent, const std::string& name, size_t columns, DType dtype,
               bool is_sparse, const SparseLayout& layout, size_t rows,
               std::optional<size_t> stored);

  void append(const CsrView<T>& rows);
  /// Ends the matrix, which is no part of the file before.
  void finish();

 private:
  void append_values(size_t rows, std::span<const T> values);

  const OutputGroup& parent_;
  std::string name_;
  size_t columns_;
  DType dtype_;
  SparseLayout layout_;
  std::optional<OutputGroup> group_;  // of a sparse matrix
  std::optional<hdf5::OutputRows> values_, indices_;
  std::vector<int64_t> indptr_{0};
  std::vector<T> dense_;
};

template <class T>
MatrixOutput<T>::MatrixOutput(const OutputGroup& parent, const std::string& name, size_t columns,
                              DType dtype, bool is_sparse, const SparseLayout& layout, size_t rows,
                              std::optional<size_t> stored)
    : parent_(parent), name_(name), columns_(columns), dtype_(dtype), layout_(layout) {
  const DType memory = dtype == DType::boolean ? DType::boolean : dtype_of<T>();
  if (!is_sparse) {
    values_.emplace(parent, name, dtype, memory, std::vector<size_t>{columns}, rows);
    return;
  }
  group_.emplace(
      make_group(parent, name, layout.by_columns ? "csc_matrix" : "csr_matrix", "0.1.0"));
  values_.emplace(*group_, "data", dtype, memory, std::vector<size_t>(), stored);
  indices_.emplace(*group_, "indices", index_type_of(*group_, layout), DType::i32,
                   std::vector<size_t>(), stored);
}

template <class T>
void MatrixOutput<T>::append_values(size_t rows, std::span<const T> values) {
  if (dtype_ != DType::boolean) return values_->append(rows, std::as_bytes(values));
  const std::vector<uint8_t> truths(values.begin(), values.end());
  values_->append(rows, std::as_bytes(std::span(truths)));
}

template <class T>
void MatrixOutput<T>::append(const CsrView<T>& rows) {
  if (group_) {
    for (size_t done = 0; done < rows.values.size();) {
      const size_t n = std::min({rows.values.size() - done, values_->room(), indices_->room()});
      append_values(n, rows.values.subspan(done, n));
      indices_->append(n, std::as_bytes(rows.indices.subspan(done, n)));
      done += n;
    }
    for (size_t row = 0; row < rows.rows; ++row)
      indptr_.push_back(indptr_.back() + int64_t(rows.row_size(row)));
    return;
  }
  dense_.resize(rows.rows * columns_);
  parallel_for(rows.rows, 64, [&](size_t first, size_t last) {
    for (size_t row = first; row < last; ++row) {
      T* const to = dense_.data() + row * columns_;
      std::fill_n(to, columns_, T(0));
      const auto indices = rows.row_indices(row);
      const auto values = rows.row_values(row);
      for (size_t k = 0; k < indices.size(); ++k) to[size_t(indices[k])] = values[k];
    }
  });
  append_values(rows.rows, dense_);
}

template <class T>
void MatrixOutput<T>::finish() {
  if (!group_) {
    const auto dataset = values_->finish();
    put_encoding(parent_, dataset, "array", "0.2.0");
    return;
  }
  int64_t shape[] = {int64_t(indptr_.size()) - 1, int64_t(columns_)};
  if (layout_.by_columns) std::swap(shape[0], shape[1]);
  group_->attribute(group_->id, "shape", H5T_NATIVE_INT64, {2}, shape);
  values_->finish();
  indices_->finish();
  write_offsets(*group_, layout_, indptr_);
}

/// Writes a matrix from a source of rows, of the dtype and layout that it says: by columns too,
/// which a temporary file is made for where they do not fit into memory.
template <class S>
void write_rows(const OutputGroup& parent, const std::string& name, const S& X) {
  if constexpr (requires { X.whole(); })
    if (const Matrix* whole = X.whole(); whole) return write_matrix(parent, name, *whole);
  const DType dtype = X.dtype() == DType::bf16 ? DType::f32 : X.dtype();
  const auto write = [&]<class T>() {
    std::optional<size_t> stored;
    if (X.is_sparse() && X.layout.by_columns) {
      const auto columns = TransposedRows::as<T>(X);
      if (parent.writing->contiguous) stored = size_t(columns.indptr().back());
      MatrixOutput<T> out(parent, name, X.rows(), dtype, true, X.layout, X.columns(), stored);
      copy_rows<T>(columns, out);
      out.finish();
      return;
    }
    if (X.is_sparse() && parent.writing->contiguous) {
      stored = 0;
      for_each_row_block<T>(X, [&](size_t, const CsrView<T>& b) { *stored += b.values.size(); });
    }
    MatrixOutput<T> out(parent, name, X.columns(), dtype, X.is_sparse(), X.layout, X.rows(),
                        stored);
    copy_rows<T>(X, out);
    out.finish();
  };
  if (dtype == DType::f64)
    write.template operator()<double>();
  else if (dtype >= DType::f16)
    write.template operator()<float>();
  else if (dtype == DType::u64)
    write.template operator()<uint64_t>();
  else
    write.template operator()<int64_t>();
}

}  // namespace detail
VCELL_END_NAMESPACE
