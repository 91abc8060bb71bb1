#pragma once

#include <algorithm>
#include <utility>

#include "vcell/data/row_source.hpp"

VCELL_BEGIN_NAMESPACE

/// A source (see RowSource) that is written as a dense matrix, whatever it is stored as.
template <class S>
class DenseRows {
 public:
  explicit DenseRows(S source) : layout(source.layout), source_(std::move(source)) {}

  SparseLayout layout;

  size_t rows() const { return source_.rows(); }
  size_t columns() const { return source_.columns(); }
  DType dtype() const { return source_.dtype(); }
  bool is_sparse() const { return false; }

  template <class T>
  CsrView<T> read(size_t first, size_t last, CsrMatrix<T>& scratch) const {
    return row_block(source_, first, last, scratch);
  }
  size_t end_of_block(size_t first, size_t bytes) const {
    // As many rows as dense ones would be, if those of the source are no fewer.
    const size_t row = std::max<size_t>(1, columns() * size_of(dtype()));
    return std::min(block_end(source_, first, bytes), first + std::max<size_t>(1, bytes / row));
  }

 private:
  S source_;
};

template <class T, class S>
CsrView<T> row_block(const DenseRows<S>& source, size_t first, size_t last, CsrMatrix<T>& scratch) {
  return source.template read<T>(first, last, scratch);
}

template <class S>
size_t block_end(const DenseRows<S>& source, size_t first, size_t bytes) {
  return source.end_of_block(first, bytes);
}

VCELL_END_NAMESPACE
