#pragma once

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/data/row_sink.hpp"
#include "vcell/io/h5ad/write_value.hpp"
#include "vcell/io/hdf5/output_entries.hpp"
#include "vcell/io/transposed_rows.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// A matrix of a file that is being written, which takes its rows in blocks (see RowSink).
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
  const OutputGroup& parent_;
  size_t columns_;
  DType dtype_;
  SparseLayout layout_;
  std::optional<OutputGroup> group_;  // of a sparse matrix
  std::optional<hdf5::OutputEntries<T>> sparse_;
  std::optional<hdf5::OutputRows> values_;
  std::vector<T> dense_;
};

template <class T>
MatrixOutput<T>::MatrixOutput(const OutputGroup& parent, const std::string& name, size_t columns,
                              DType dtype, bool is_sparse, const SparseLayout& layout, size_t rows,
                              std::optional<size_t> stored)
    : parent_(parent), columns_(columns), dtype_(dtype), layout_(layout) {
  if (!is_sparse) {
    const DType memory = dtype == DType::boolean ? DType::boolean : dtype_of<T>();
    values_.emplace(parent, name, dtype, memory, std::vector<size_t>{columns}, rows);
    return;
  }
  group_.emplace(
      make_group(parent, name, layout.by_columns ? "csc_matrix" : "csr_matrix", "0.1.0"));
  sparse_.emplace(*group_, dtype, index_type_of(*group_, layout), stored);
}

template <class T>
void MatrixOutput<T>::append(const CsrView<T>& rows) {
  if (sparse_) return sparse_->append(rows);
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
  hdf5::append_values<T>(*values_, dtype_, rows.rows, dense_);
}

template <class T>
void MatrixOutput<T>::finish() {
  if (!sparse_) {
    const auto dataset = values_->finish();
    put_encoding(parent_, dataset, "array", "0.2.0");
    return;
  }
  const auto& indptr = sparse_->indptr();
  int64_t shape[] = {int64_t(indptr.size()) - 1, int64_t(columns_)};
  if (layout_.by_columns) std::swap(shape[0], shape[1]);
  group_->attribute(group_->id, "shape", H5T_NATIVE_INT64, {2}, shape);
  sparse_->finish();
  write_offsets(*group_, layout_, indptr);
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
