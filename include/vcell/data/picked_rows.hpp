#pragma once

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "vcell/data/read_rows.hpp"

VCELL_BEGIN_NAMESPACE

/// A source of rows (see RowSource) in another order: any of them, and any more than once. See
/// read_rows for how they are read.
template <class S>
class PickedRows {
 public:
  /// @param rows  of the source
  /// @throws ShapeError if there is no such row
  PickedRows(S source, std::vector<size_t> rows)
      : layout(source.layout), source_(std::move(source)), rows_(std::move(rows)) {
    for (const size_t row : rows_) check_index("PickedRows", "row", row, source_.rows());
  }

  SparseLayout layout;

  size_t rows() const { return rows_.size(); }
  size_t columns() const { return source_.columns(); }
  DType dtype() const { return source_.dtype(); }
  bool is_sparse() const { return source_.is_sparse(); }

  template <class T>
  CsrView<T> read(size_t first, size_t last, CsrMatrix<T>& scratch) const;
  size_t end_of_block(size_t first, size_t bytes) const {
    // As many as dense ones would be: how long each is, no source says.
    const size_t row = std::max<size_t>(1, columns() * (size_of(dtype()) + sizeof(int32_t)));
    return std::min(rows_.size(), first + std::max<size_t>(1, bytes / row));
  }

 private:
  S source_;
  std::vector<size_t> rows_;
};

template <class S>
template <class T>
CsrView<T> PickedRows<S>::read(size_t first, size_t last, CsrMatrix<T>& scratch) const {
  if (first > last || last > rows_.size()) [[unlikely]]
    detail::fail<ShapeError>("row_block: rows ", first, " .. ", last, " of a matrix with ",
                             rows_.size(), " rows");
  read_rows(source_, std::span(rows_).subspan(first, last - first), scratch);
  return scratch.view();
}

template <class T, class S>
CsrView<T> row_block(const PickedRows<S>& s, size_t first, size_t last, CsrMatrix<T>& scratch) {
  return s.read(first, last, scratch);
}
template <class S>
size_t block_end(const PickedRows<S>& s, size_t first, size_t bytes) {
  return s.end_of_block(first, bytes);
}

VCELL_END_NAMESPACE
