#pragma once

#include <utility>
#include <vector>

#include "vcell/preprocess/log1p.hpp"

VCELL_BEGIN_NAMESPACE

/// A source of counts (see RowSource), read as what normalize_total and log1p make of it, to the
/// same bits; what is stored stays as it is.
template <class S>
class Log1pRows {
 public:
  /// @param factors  (cells) what each cell's values are divided by (NormalizedTotal); 0: nothing
  /// @param type     that is computed in and read: float32 or float64 (see with_value_type)
  /// @throws ShapeError if there is not one factor per row
  Log1pRows(S counts, std::vector<double> factors, DType type)
      : layout(counts.layout),
        counts_(std::move(counts)),
        factors_(std::move(factors)),
        type_(type) {
    check_size_match("Log1pRows", "factors", factors_.size(), "rows", counts_.rows());
  }

  SparseLayout layout;

  size_t rows() const { return counts_.rows(); }
  size_t columns() const { return counts_.columns(); }
  DType dtype() const { return type_; }
  bool is_sparse() const { return counts_.is_sparse(); }

  template <class T>
  CsrView<T> read(size_t first, size_t last, CsrMatrix<T>& scratch) const {
    return type_ == DType::f64 ? read_as<double>(first, last, scratch)
                               : read_as<float>(first, last, scratch);
  }
  size_t end_of_block(size_t first, size_t bytes) const { return block_end(counts_, first, bytes); }

 private:
  template <class U, class T>
  CsrView<T> read_as(size_t first, size_t last, CsrMatrix<T>& scratch) const;

  S counts_;
  std::vector<double> factors_;
  DType type_;
};

template <class S>
template <class U, class T>
CsrView<T> Log1pRows<S>::read_as(size_t first, size_t last, CsrMatrix<T>& scratch) const {
  CsrMatrix<U> computed;
  CsrMatrix<U>& own = [&]() -> CsrMatrix<U>& {
    if constexpr (std::is_same_v<U, T>) return scratch;
    return computed;
  }();
  const CsrView<U> counts = row_block(counts_, first, last, own);
  if (counts.values.data() != own.values.data())  // borrowed
    own.values.assign(counts.values.begin(), counts.values.end());
  const CsrView<U> view{counts.rows, counts.columns, counts.indptr, counts.indices, own.values};
  const int64_t begin = view.indptr[0];
  parallel_for(view.rows, 64, [&](size_t start, size_t stop) {
    for (size_t i = start; i < stop; ++i) {
      const std::span<U> values(own.values.data() + (view.indptr[i] - begin), view.row_size(i));
      detail::divide_row(values, factors_[first + i]);
      detail::log1p_row(values);
    }
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

template <class T, class S>
CsrView<T> row_block(const Log1pRows<S>& s, size_t first, size_t last, CsrMatrix<T>& scratch) {
  return s.read(first, last, scratch);
}
template <class S>
size_t block_end(const Log1pRows<S>& s, size_t first, size_t bytes) {
  return s.end_of_block(first, bytes);
}

VCELL_END_NAMESPACE
