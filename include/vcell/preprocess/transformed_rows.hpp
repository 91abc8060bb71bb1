#pragma once

#include <span>
#include <type_traits>
#include <utility>

#include "vcell/core/parallel_for.hpp"
#include "vcell/data/read_rows.hpp"

VCELL_BEGIN_NAMESPACE

/// A source of rows (see RowSource), read as what a function makes of the values of each row; what
/// is stored stays as it is. Zeros that are not stored stay zeros.
///
/// @tparam F  f(row, std::span<const int32_t> columns, std::span<U> values) changes the values in
///            place, U being float or double; rows are independent of each other
template <class S, class F>
class TransformedRows {
 public:
  /// @param type  that f computes in: float32 or float64; what is read is rounded to it before
  TransformedRows(S source, F f, DType type)
      : layout(source.layout), source_(std::move(source)), f_(std::move(f)), type_(type) {}

  SparseLayout layout;

  size_t rows() const { return source_.rows(); }
  size_t columns() const { return source_.columns(); }
  DType dtype() const { return type_; }
  bool is_sparse() const { return source_.is_sparse(); }
  const F& f() const { return f_; }

  template <class T>
  CsrView<T> read(size_t first, size_t last, CsrMatrix<T>& scratch) const {
    return transformed([first](size_t i) { return first + i; },
                       [&]<class U>(CsrMatrix<U>& own) -> CsrView<U> {
                         return row_block(source_, first, last, own);
                       },
                       scratch);
  }
  template <class T>
  void read(std::span<const size_t> wanted, CsrMatrix<T>& out) const {
    transformed([wanted](size_t i) { return wanted[i]; },
                [&]<class U>(CsrMatrix<U>& own) -> CsrView<U> {
                  read_rows(source_, wanted, own);
                  return own.view();
                },
                out);
  }
  size_t end_of_block(size_t first, size_t bytes) const { return block_end(source_, first, bytes); }

 private:
  /// What f makes of rows of the source, in scratch.
  /// @param number  the number of the i-th of them
  /// @param obtain  reads them as float or double, into room that is used again
  template <class T, class Number, class Obtain>
  CsrView<T> transformed(const Number& number, const Obtain& obtain, CsrMatrix<T>& scratch) const {
    return type_ == DType::f64 ? transformed_as<double>(number, obtain, scratch)
                               : transformed_as<float>(number, obtain, scratch);
  }
  template <class U, class T, class Number, class Obtain>
  CsrView<T> transformed_as(const Number& number, const Obtain& obtain,
                            CsrMatrix<T>& scratch) const;

  S source_;
  F f_;
  DType type_;
};

template <class S, class F>
template <class U, class T, class Number, class Obtain>
CsrView<T> TransformedRows<S, F>::transformed_as(const Number& number, const Obtain& obtain,
                                                 CsrMatrix<T>& scratch) const {
  CsrMatrix<U> computed;
  CsrMatrix<U>& own = [&]() -> CsrMatrix<U>& {
    if constexpr (std::is_same_v<U, T>) return scratch;
    return computed;
  }();
  const CsrView<U> from = obtain(own);
  if (from.values.data() != own.values.data())  // borrowed
    own.values.assign(from.values.begin(), from.values.end());
  const CsrView<U> view{from.rows, from.columns, from.indptr, from.indices, own.values};
  const int64_t begin = view.indptr[0];
  parallel_for(view.rows, 64, [&](size_t start, size_t stop) {
    for (size_t i = start; i < stop; ++i)
      f_(number(i), view.row_indices(i),
         std::span<U>(own.values.data() + (view.indptr[i] - begin), view.row_size(i)));
  });
  if constexpr (std::is_same_v<U, T>) {
    return view;
  } else {
    scratch = CsrMatrix<T>{};
    scratch.columns = view.columns;
    scratch.append({view.rows, view.columns, view.indptr, view.indices, {}});
    scratch.values.assign(own.values.begin(), own.values.end());
    return scratch.view();
  }
}

template <class T, class S, class F>
CsrView<T> row_block(const TransformedRows<S, F>& s, size_t first, size_t last,
                     CsrMatrix<T>& scratch) {
  return s.read(first, last, scratch);
}
template <class S, class F>
size_t block_end(const TransformedRows<S, F>& s, size_t first, size_t bytes) {
  return s.end_of_block(first, bytes);
}

VCELL_END_NAMESPACE
