#pragma once

#include <limits>
#include <optional>
#include <vector>

#include "vcell/data/row_sink.hpp"
#include "vcell/io/h5ad/write_value.hpp"
#include "vcell/io/hdf5/output_rows.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// A matrix of a file that is being written, which takes its rows in blocks (see RowSink). What it
/// keeps is the offsets of the rows of a sparse one.
template <class T>
class MatrixOutput {
 public:
  /// @param dtype  in the file
  MatrixOutput(const OutputGroup& parent, const std::string& name, size_t columns, DType dtype,
               bool is_sparse, const SparseLayout& layout);

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
                              DType dtype, bool is_sparse, const SparseLayout& layout)
    : parent_(parent), name_(name), columns_(columns), dtype_(dtype), layout_(layout) {
  const DType memory = dtype == DType::boolean ? DType::boolean : dtype_of<T>();
  if (!is_sparse) {
    values_.emplace(parent, name, dtype, memory, columns);
    return;
  }
  if (layout.by_columns)
    throw ConfigError(message("write_h5ad: element ", quoted(parent.path_of(name)), ": rows that ",
                              "come in blocks are to be written by columns (csc_matrix); write ",
                              "them by rows, or from memory"));
  group_.emplace(make_group(parent, name, "csr_matrix", "0.1.0"));
  values_.emplace(*group_, "data", dtype, memory);
  indices_.emplace(*group_, "indices", layout.index_type, DType::i32);
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
    append_values(rows.values.size(), rows.values);
    indices_->append(rows.indices.size(), std::as_bytes(rows.indices));
    for (size_t row = 0; row < rows.rows; ++row)
      indptr_.push_back(indptr_.back() + int64_t(rows.row_size(row)));
    return;
  }
  dense_.assign(rows.rows * columns_, T(0));
  for (size_t row = 0; row < rows.rows; ++row) {
    const auto indices = rows.row_indices(row);
    const auto values = rows.row_values(row);
    for (size_t k = 0; k < indices.size(); ++k)
      dense_[row * columns_ + size_t(indices[k])] = values[k];
  }
  append_values(rows.rows, dense_);
}

template <class T>
void MatrixOutput<T>::finish() {
  if (!group_) {
    const auto dataset = values_->finish();
    put_encoding(parent_, dataset, "array", "0.2.0");
    return;
  }
  const int64_t shape[] = {int64_t(indptr_.size()) - 1, int64_t(columns_)};
  group_->attribute(group_->id, "shape", H5T_NATIVE_INT64, {2}, shape);
  values_->finish();
  indices_->finish();
  const bool is_long = indptr_.back() > std::numeric_limits<int32_t>::max();
  group_->numbers("indptr", is_long ? DType::i64 : layout_.offset_type, {indptr_.size()},
                  indptr_.data(), DType::i64);
}

/// Writes a matrix from a source of rows, of the dtype and layout that it says; by columns alone
/// what is in memory whole.
template <class S>
void write_rows(const OutputGroup& parent, const std::string& name, const S& X) {
  if constexpr (requires { X.whole(); })
    if (const Matrix* whole = X.whole(); whole) return write_matrix(parent, name, *whole);
  const DType dtype = X.dtype() == DType::bf16 ? DType::f32 : X.dtype();
  const auto write = [&]<class T>() {
    MatrixOutput<T> out(parent, name, X.columns(), dtype, X.is_sparse(), X.layout);
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
