#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "vcell/data/row_source.hpp"

VCELL_BEGIN_NAMESPACE
namespace vcc2025 {

/// Cells of which many are one and the same (see RowSource): those are not in memory.
class ConstantRows {
 public:
  /// @param X     (cells, genes), whose other rows are read as they are
  /// @param rows  those that are `cell`
  /// @param cell  (genes)
  /// @throws ShapeError if sizes do not fit, or a row is none of X
  template <class = void>
  ConstantRows(std::shared_ptr<const CsrMatrix<float>> X,
               const std::vector<std::vector<size_t>>& rows, std::span<const float> cell)
      : X_(std::move(X)), is_constant_(X_->rows, 0) {
    check_size_match("ConstantRows", "values of the cell", cell.size(), "genes", X_->columns);
    for (const auto& set : rows)
      for (const size_t row : set) {
        check_index("ConstantRows", "row", row, X_->rows);
        is_constant_[row] = 1;
      }
    for (size_t g = 0; g < cell.size(); ++g) {
      if (cell[g] == 0) continue;
      genes_.push_back(int32_t(g));
      values_.push_back(cell[g]);
    }
  }

  SparseLayout layout;

  size_t rows() const { return X_->rows; }
  size_t columns() const { return X_->columns; }
  DType dtype() const { return DType::f32; }
  bool is_sparse() const { return true; }
  size_t row_size(size_t row) const {
    return is_constant_[row] ? genes_.size() : X_->row_size(row);
  }

  template <class T>
  CsrView<T> read(size_t first, size_t last, CsrMatrix<T>& scratch) const {
    scratch = CsrMatrix<T>{};
    scratch.columns = columns();
    for (size_t row = first; row < last; ++row) {
      const auto genes = is_constant_[row] ? std::span(genes_) : X_->row_indices(row);
      const auto values = is_constant_[row] ? std::span(values_) : X_->row_values(row);
      scratch.indices.insert(scratch.indices.end(), genes.begin(), genes.end());
      scratch.values.insert(scratch.values.end(), values.begin(), values.end());
      scratch.end_row();
    }
    return scratch.view();
  }

 private:
  std::shared_ptr<const CsrMatrix<float>> X_;
  std::vector<uint8_t> is_constant_;
  std::vector<int32_t> genes_;
  std::vector<float> values_;
};

template <class T>
CsrView<T> row_block(const ConstantRows& s, size_t first, size_t last, CsrMatrix<T>& scratch) {
  return s.template read<T>(first, last, scratch);
}
template <class = void>
size_t block_end(const ConstantRows& s, size_t first, size_t bytes) {
  size_t end = first, taken = 0;
  do taken += s.row_size(end++) * (sizeof(float) + sizeof(int32_t));
  while (end < s.rows() && taken + s.row_size(end) * (sizeof(float) + sizeof(int32_t)) <= bytes);
  return end;
}

}  // namespace vcc2025
VCELL_END_NAMESPACE
