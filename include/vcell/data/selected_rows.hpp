#pragma once

#include <numeric>
#include <utility>

#include "vcell/data/row_source.hpp"

VCELL_BEGIN_NAMESPACE

/// A source of rows (see RowSource) without some of them and of its columns, in the source's order.
/// Nothing is copied until it is read.
template <class S>
class SelectedRows {
 public:
  /// All rows and columns.
  explicit SelectedRows(S source)
      : layout(source.layout),
        source_(std::move(source)),
        rows_(source_.rows()),
        columns_(source_.columns()) {
    std::iota(rows_.begin(), rows_.end(), size_t(0));
    std::iota(columns_.begin(), columns_.end(), int32_t(0));
    width_ = columns_.size();
  }

  SparseLayout layout;

  size_t rows() const { return rows_.size(); }
  size_t columns() const { return width_; }
  DType dtype() const { return source_.dtype(); }
  bool is_sparse() const { return source_.is_sparse(); }

  /// Drops the rows whose flag is 0.
  /// @throws ShapeError if there is not one flag per row that is left
  void keep_rows(std::span<const uint8_t> keep);
  /// Drops the columns whose flag is 0.
  /// @throws ShapeError if there is not one flag per column that is left
  void keep_columns(std::span<const uint8_t> keep);

  template <class T>
  CsrView<T> read(size_t first, size_t last, CsrMatrix<T>& scratch) const;
  size_t end_of_block(size_t first, size_t bytes) const;

 private:
  S source_;
  std::vector<size_t> rows_;      // of the source, ascending
  std::vector<int32_t> columns_;  // of each of the source's columns here; -1: left out
  size_t width_ = 0;
};

template <class S>
void SelectedRows<S>::keep_rows(std::span<const uint8_t> keep) {
  check_size_match("SelectedRows::keep_rows", "flags", keep.size(), "rows", rows_.size());
  size_t kept = 0;
  for (size_t i = 0; i < keep.size(); ++i)
    if (keep[i]) rows_[kept++] = rows_[i];
  rows_.resize(kept);
}

template <class S>
void SelectedRows<S>::keep_columns(std::span<const uint8_t> keep) {
  check_size_match("SelectedRows::keep_columns", "flags", keep.size(), "columns", width_);
  int32_t kept = 0;
  for (int32_t& column : columns_)
    if (column >= 0) column = keep[size_t(column)] ? kept++ : -1;
  width_ = size_t(kept);
}

template <class S>
template <class T>
CsrView<T> SelectedRows<S>::read(size_t first, size_t last, CsrMatrix<T>& scratch) const {
  if (first > last || last > rows_.size()) [[unlikely]]
    detail::fail<ShapeError>("row_block: rows ", first, " .. ", last, " of a matrix with ",
                             rows_.size(), " rows");
  CsrMatrix<T> all;
  const size_t begin = first < last ? rows_[first] : 0,
               end = first < last ? rows_[last - 1] + 1 : 0;
  const CsrView<T> from = row_block(source_, begin, end, all);
  scratch = CsrMatrix<T>{};
  scratch.columns = width_;
  for (size_t i = first; i < last; ++i) {
    const auto indices = from.row_indices(rows_[i] - begin);
    const auto values = from.row_values(rows_[i] - begin);
    for (size_t k = 0; k < indices.size(); ++k) {
      const int32_t column = columns_[size_t(indices[k])];
      if (column < 0) continue;
      scratch.indices.push_back(column);
      scratch.values.push_back(values[k]);
    }
    scratch.end_row();
  }
  return scratch.view();
}

template <class S>
size_t SelectedRows<S>::end_of_block(size_t first, size_t bytes) const {
  // Rows that are left out between two that stay are read as well.
  const size_t end = block_end(source_, rows_[first], bytes);
  const auto stop = std::lower_bound(rows_.begin() + std::ptrdiff_t(first), rows_.end(), end);
  return std::max(first + 1, size_t(stop - rows_.begin()));
}

template <class T, class S>
CsrView<T> row_block(const SelectedRows<S>& s, size_t first, size_t last, CsrMatrix<T>& scratch) {
  return s.read(first, last, scratch);
}
template <class S>
size_t block_end(const SelectedRows<S>& s, size_t first, size_t bytes) {
  return s.end_of_block(first, bytes);
}

VCELL_END_NAMESPACE
