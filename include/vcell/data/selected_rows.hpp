#pragma once

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

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
  /// Leaves of rows of the source the columns that stay.
  /// @param row_of  which row of `from` becomes the i-th of n, ascending
  /// @param out     where `from` may lie, of which the rest is borrowed
  template <class T, class F>
  void take_columns(const CsrView<T>& from, size_t n, const F& row_of, CsrMatrix<T>& out) const;
  template <class T>
  int64_t take_columns(const CsrView<T>& from, size_t row, size_t to, CsrMatrix<T>& out) const;

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
  const size_t begin = first < last ? rows_[first] : 0,
               end = first < last ? rows_[last - 1] + 1 : 0;
  const CsrView<T> from = row_block(source_, begin, end, scratch);
  if (end - begin == last - first && width_ == columns_.size()) return from;
  take_columns(
      from, last - first, [&](size_t i) { return rows_[first + i] - begin; }, scratch);
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
  read_rows(source_, of_source, out);
  if (width_ == columns_.size()) return;
  take_columns(
      out.view(), wanted.size(), [](size_t i) { return i; }, out);
}

template <class S>
template <class T, class F>
void SelectedRows<S>::take_columns(const CsrView<T>& from, size_t n, const F& row_of,
                                   CsrMatrix<T>& out) const {
  const auto place_of = [&](size_t i) { return size_t(from.indptr[row_of(i)] - from.indptr[0]); };
  // What was borrowed is copied to where the rest was made; each row to its own place, at first.
  if (from.indices.data() != out.indices.data()) out.indices.resize(from.indices.size());
  if (from.values.data() != out.values.data()) out.values.resize(from.values.size());
  std::vector<int64_t> indptr(n + 1);
  parallel_for(n, 16, [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i)
      indptr[i + 1] = take_columns(from, row_of(i), place_of(i), out);
  });
  size_t done = 0;
  for (size_t i = 0; i < n; ++i) {
    const size_t at = place_of(i), size = size_t(indptr[i + 1]);
    std::copy_n(out.indices.data() + at, size, out.indices.data() + done);
    std::copy_n(out.values.data() + at, size, out.values.data() + done);
    done += size;
    indptr[i + 1] = int64_t(done);
  }
  out.rows = n;
  out.columns = width_;
  out.indptr = std::move(indptr);
  out.indices.resize(done);
  out.values.resize(done);
}

/// Copies what stays of a row to a place, which may be where it lies; says how much that is.
template <class S>
template <class T>
int64_t SelectedRows<S>::take_columns(const CsrView<T>& from, size_t row, size_t to,
                                      CsrMatrix<T>& out) const {
  const auto indices = from.row_indices(row);
  const auto values = from.row_values(row);
  int32_t* const columns = out.indices.data() + to;
  T* const kept = out.values.data() + to;
  size_t n = 0;
  for (size_t k = 0; k < indices.size(); ++k) {  // without branches, which nobody could predict
    const int32_t column = columns_[size_t(indices[k])];
    const T value = values[k];
    columns[n] = column;
    kept[n] = value;
    n += column >= 0;
  }
  return int64_t(n);
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
