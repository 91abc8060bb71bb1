#pragma once

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/data/row_source.hpp"

VCELL_BEGIN_NAMESPACE

/// A source of rows (see RowSource), read dense, as what a function makes of all values of each
/// row, zeros too (see TransformedRows for those that are stored alone); what is stored stays as it
/// is. Blocks are as small as their dense rows ask for.
///
/// @tparam F  f(row, std::span<U> values) changes the values of all columns in place, U being float
///            or double; rows are independent of each other
template <class S, class F>
class FilledRows {
 public:
  /// @param type  that f computes in: float32 or float64; what is read is rounded to it before
  FilledRows(S source, F f, DType type)
      : layout(source.layout), source_(std::move(source)), f_(std::move(f)), type_(type) {}

  SparseLayout layout;

  size_t rows() const { return source_.rows(); }
  size_t columns() const { return source_.columns(); }
  DType dtype() const { return type_; }
  bool is_sparse() const { return false; }
  const F& f() const { return f_; }

  template <class T>
  CsrView<T> read(size_t first, size_t last, CsrMatrix<T>& scratch) const {
    return type_ == DType::f64 ? read_as<double>(first, last, scratch)
                               : read_as<float>(first, last, scratch);
  }
  size_t end_of_block(size_t first, size_t bytes) const {
    const size_t row = std::max<size_t>(1, columns() * (size_of(type_) + sizeof(int32_t)));
    return std::min(block_end(source_, first, bytes), first + std::max<size_t>(1, bytes / row));
  }

 private:
  template <class U, class T>
  CsrView<T> read_as(size_t first, size_t last, CsrMatrix<T>& scratch) const;

  S source_;
  F f_;
  DType type_;
};

template <class S, class F>
template <class U, class T>
CsrView<T> FilledRows<S, F>::read_as(size_t first, size_t last, CsrMatrix<T>& scratch) const {
  CsrMatrix<U> stored;
  const CsrView<U> from = row_block(source_, first, last, stored);
  const size_t width = columns();
  scratch.rows = from.rows;
  scratch.columns = width;
  scratch.indices.resize(from.rows * width);
  scratch.values.resize(from.rows * width);
  scratch.indptr.assign(from.rows + 1, 0);
  parallel_for(from.rows, 16, [&](size_t start, size_t stop) {
    std::vector<U> row(width);
    for (size_t i = start; i < stop; ++i) {
      std::fill(row.begin(), row.end(), U(0));
      const auto places = from.row_indices(i);
      const auto values = from.row_values(i);
      for (size_t k = 0; k < places.size(); ++k) row[size_t(places[k])] = values[k];
      f_(first + i, std::span<U>(row));
      const auto at = std::ptrdiff_t(i * width);
      std::copy(row.begin(), row.end(), scratch.values.begin() + at);
      std::iota(scratch.indices.begin() + at, scratch.indices.begin() + at + std::ptrdiff_t(width),
                0);
      scratch.indptr[i + 1] = int64_t((i + 1) * width);
    }
  });
  return scratch.view();
}

template <class T, class S, class F>
CsrView<T> row_block(const FilledRows<S, F>& s, size_t first, size_t last, CsrMatrix<T>& scratch) {
  return s.template read<T>(first, last, scratch);
}
template <class S, class F>
size_t block_end(const FilledRows<S, F>& s, size_t first, size_t bytes) {
  return s.end_of_block(first, bytes);
}

VCELL_END_NAMESPACE
