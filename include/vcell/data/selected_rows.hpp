#pragma once

#include <numeric>
#include <utility>

#include "vcell/core/parallel_for.hpp"
#include "vcell/data/read_rows.hpp"

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
  template <class T>
  void read(std::span<const size_t> wanted, CsrMatrix<T>& out) const;
  size_t end_of_block(size_t first, size_t bytes) const;

 private:
  /// Rows of the source, without the columns that are left out.
  /// @param row_of  which row of `from` becomes the i-th of n
  template <class T, class F>
  void take_columns(const CsrView<T>& from, size_t n, const F& row_of, CsrMatrix<T>& out) const;

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
  take_columns(
      row_block(source_, begin, end, all), last - first,
      [&](size_t i) { return rows_[first + i] - begin; }, scratch);
  return scratch.view();
}

template <class S>
template <class T>
void SelectedRows<S>::read(std::span<const size_t> wanted, CsrMatrix<T>& out) const {
  std::vector<size_t> of_source;
  of_source.reserve(wanted.size());
  for (const size_t row : wanted) {
    check_index("read_rows", "row", row, rows_.size());
    of_source.push_back(rows_[row]);
  }
  if (width_ == columns_.size()) return read_rows(source_, of_source, out);
  CsrMatrix<T> all;
  read_rows(source_, of_source, all);
  take_columns(
      all.view(), wanted.size(), [](size_t i) { return i; }, out);
}

template <class S>
template <class T, class F>
void SelectedRows<S>::take_columns(const CsrView<T>& from, size_t n, const F& row_of,
                                   CsrMatrix<T>& out) const {
  clear_rows(out, width_);
  out.rows = n;
  out.indptr.resize(n + 1);
  parallel_for(n, 32, [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i) {
      size_t kept = 0;
      for (const int32_t column : from.row_indices(row_of(i)))
        kept += columns_[size_t(column)] >= 0;
      out.indptr[i + 1] = int64_t(kept);
    }
  });
  std::partial_sum(out.indptr.begin(), out.indptr.end(), out.indptr.begin());
  out.indices.resize(size_t(out.indptr.back()));
  out.values.resize(out.indices.size());
  parallel_for(n, 32, [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i) {
      const auto indices = from.row_indices(row_of(i));
      const auto values = from.row_values(row_of(i));
      auto to = size_t(out.indptr[i]);
      for (size_t k = 0; k < indices.size(); ++k) {
        const int32_t column = columns_[size_t(indices[k])];
        if (column < 0) continue;
        out.indices[to] = column;
        out.values[to++] = values[k];
      }
    }
  });
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
