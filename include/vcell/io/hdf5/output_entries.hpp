#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

#include "vcell/data/csr_matrix.hpp"
#include "vcell/io/hdf5/output_rows.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {

/// Appends values of T to numbers of a dtype, truth values among them, which T holds as numbers.
template <class T>
void append_values(OutputRows& to, DType dtype, size_t rows, std::span<const T> values) {
  if (dtype != DType::boolean) return to.append(rows, std::as_bytes(values));
  const std::vector<uint8_t> truths(values.begin(), values.end());
  to.append(rows, std::as_bytes(std::span(truths)));
}

/// The entries of a sparse matrix, 'data' and 'indices' of a group, which come in blocks of rows
/// (see RowSink). What it keeps is where each row begins.
template <class T>
class OutputEntries {
 public:
  /// @param group   of the file; it lives longer
  /// @param dtype   of data, in the file; indices are of `index_type`
  /// @param stored  how many values come, if that is known
  OutputEntries(const OutputGroup& group, DType dtype, DType index_type,
                std::optional<size_t> stored)
      : dtype_(dtype),
        values_(group, "data", dtype, dtype == DType::boolean ? dtype : dtype_of<T>(), {}, stored),
        indices_(group, "indices", index_type, DType::i32, {}, stored) {}

  void append(const CsrView<T>& rows) {
    for (size_t done = 0; done < rows.values.size();) {
      const size_t n = std::min({rows.values.size() - done, values_.room(), indices_.room()});
      append_values<T>(values_, dtype_, n, rows.values.subspan(done, n));
      indices_.append(n, std::as_bytes(rows.indices.subspan(done, n)));
      done += n;
    }
    for (size_t row = 0; row < rows.rows; ++row)
      indptr_.push_back(indptr_.back() + int64_t(rows.row_size(row)));
  }
  /// Writes what is left.
  void finish() {
    values_.finish();
    indices_.finish();
  }
  /// Where the values of each row begin, and the last end.
  const std::vector<int64_t>& indptr() const { return indptr_; }

 private:
  DType dtype_;
  OutputRows values_, indices_;
  std::vector<int64_t> indptr_{0};
};

}  // namespace hdf5
VCELL_END_NAMESPACE
