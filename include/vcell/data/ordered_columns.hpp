#pragma once

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/data/row_source.hpp"

VCELL_BEGIN_NAMESPACE

/// A source of rows (see RowSource) with its columns in another order, sparse, of a dtype that is
/// said, in 32-bit columns where they are written. Nothing is copied until it is read.
template <class S>
class OrderedColumns {
 public:
  /// @param columns  of the source, each of them once, in the new order
  /// @throws ShapeError if they are not as many as the source has, or one is none of them;
  ///         ConfigError if one is there twice
  OrderedColumns(S source, std::span<const size_t> columns, DType dtype);

  SparseLayout layout;

  size_t rows() const { return source_.rows(); }
  size_t columns() const { return places_.size(); }
  DType dtype() const { return dtype_; }
  bool is_sparse() const { return true; }

  template <class T>
  CsrView<T> read(size_t first, size_t last, CsrMatrix<T>& scratch) const;
  size_t end_of_block(size_t first, size_t bytes) const { return block_end(source_, first, bytes); }

 private:
  S source_;
  std::vector<int32_t> places_;  // of each of the source's columns here
  bool is_same_ = true;
  DType dtype_;
};

template <class S>
OrderedColumns<S>::OrderedColumns(S source, std::span<const size_t> columns, DType dtype)
    : source_(std::move(source)), places_(source_.columns(), -1), dtype_(dtype) {
  check_size_match("OrderedColumns", "columns in order", columns.size(), "columns",
                   source_.columns());
  for (size_t i = 0; i < columns.size(); ++i) {
    check_index("OrderedColumns", "column", columns[i], source_.columns());
    if (places_[columns[i]] >= 0)
      throw ConfigError(message("OrderedColumns: column ", columns[i], " is there twice"));
    places_[columns[i]] = int32_t(i);
    is_same_ = is_same_ && columns[i] == i;
  }
}

template <class S>
template <class T>
CsrView<T> OrderedColumns<S>::read(size_t first, size_t last, CsrMatrix<T>& scratch) const {
  if (is_same_) return row_block(source_, first, last, scratch);
  CsrMatrix<T> other;
  const CsrView<T> from = row_block(source_, first, last, other);
  scratch = CsrMatrix<T>{};
  scratch.rows = from.rows;
  scratch.columns = columns();
  for (size_t row = 0; row < from.rows; ++row)
    scratch.indptr.push_back(scratch.indptr.back() + int64_t(from.row_size(row)));
  scratch.indices.resize(from.values.size());
  scratch.values.resize(from.values.size());
  parallel_for(from.rows, 64, [&](size_t begin, size_t end) {
    // A cell's values by column, which is quicker than to sort them.
    std::vector<T> values(columns());
    std::vector<uint8_t> is_stored(columns(), 0);
    for (size_t row = begin; row < end; ++row) {
      const auto indices = from.row_indices(row);
      for (size_t k = 0; k < indices.size(); ++k) {
        const auto place = size_t(places_[size_t(indices[k])]);
        values[place] = from.row_values(row)[k];
        is_stored[place] = 1;
      }
      auto at = size_t(scratch.indptr[row]);
      for (size_t place = 0; place < is_stored.size(); ++place) {
        if (!is_stored[place]) continue;
        scratch.indices[at] = int32_t(place);
        scratch.values[at++] = values[place];
        is_stored[place] = 0;
      }
    }
  });
  return scratch.view();
}

template <class T, class S>
CsrView<T> row_block(const OrderedColumns<S>& s, size_t first, size_t last, CsrMatrix<T>& scratch) {
  return s.template read<T>(first, last, scratch);
}
template <class S>
size_t block_end(const OrderedColumns<S>& s, size_t first, size_t bytes) {
  return s.end_of_block(first, bytes);
}

VCELL_END_NAMESPACE
