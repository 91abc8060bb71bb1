#pragma once

#include "vcell/data/read_rows.hpp"

VCELL_BEGIN_NAMESPACE

/// A source (see RowSource) that refers to another, which has to live longer: where sources are
/// taken by value and one is too large to be copied, such as a Matrix that is watched.
template <class S>
class BorrowedRows {
 public:
  explicit BorrowedRows(const S& source) : layout(source.layout), source_(&source) {}

  SparseLayout layout;

  size_t rows() const { return source_->rows(); }
  size_t columns() const { return source_->columns(); }
  DType dtype() const { return source_->dtype(); }
  bool is_sparse() const { return source_->is_sparse(); }

  template <class T>
  CsrView<T> read(size_t first, size_t last, CsrMatrix<T>& scratch) const {
    return row_block(*source_, first, last, scratch);
  }
  template <class T>
  void read(std::span<const size_t> wanted, CsrMatrix<T>& out) const {
    read_rows(*source_, wanted, out);
  }
  size_t end_of_block(size_t first, size_t bytes) const {
    return block_end(*source_, first, bytes);
  }

 private:
  const S* source_;
};

template <class T, class S>
CsrView<T> row_block(const BorrowedRows<S>& source, size_t first, size_t last,
                     CsrMatrix<T>& scratch) {
  return source.template read<T>(first, last, scratch);
}

template <class S>
size_t block_end(const BorrowedRows<S>& source, size_t first, size_t bytes) {
  return source.end_of_block(first, bytes);
}

VCELL_END_NAMESPACE
