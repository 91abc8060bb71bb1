#pragma once

#include <algorithm>
#include <limits>
#include <optional>
#include <span>

#include "vcell/data/matrix.hpp"
#include "vcell/data/sort_rows.hpp"
#include "vcell/data/transposed.hpp"
#include "vcell/io/h5ad/encoding.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The extents that the tables of cells and genes demand of a matrix; absent = any.
struct Extents {
  std::optional<size_t> rows, columns;
};

template <class = void>
void check_extents(const hdf5::Object& object, size_t rows, size_t columns,
                   const Extents& expected) {
  if (rows != expected.rows.value_or(rows) || columns != expected.columns.value_or(columns))
    object.fail("has shape ", std::array{rows, columns}, ", expected ",
                expected.rows.value_or(rows), " rows and ", expected.columns.value_or(columns),
                " columns, as many as obs and var have");
}

/// Offsets of the compressed rows (or columns), checked to begin at 0, not to decrease and to end
/// within the stored values.
template <class = void>
std::vector<int64_t> read_offsets(const hdf5::Object& element, size_t lines, size_t stored) {
  auto offsets = hdf5::read_numbers<int64_t>(hdf5::open_dataset(element));
  if (offsets.size() != lines + 1)
    element.fail("has ", offsets.size(), " entries, expected ", lines + 1, " (shape + 1)");
  if (offsets.front() != 0) element.fail("begins with ", offsets.front(), ", expected 0");
  for (size_t i = 0; i < lines; ++i)
    if (offsets[i] > offsets[i + 1])
      element.fail("decreases from ", offsets[i], " to ", offsets[i + 1], " at entry ", i + 1);
  if (uint64_t(offsets.back()) > stored)
    element.fail("ends with ", offsets.back(), ", but ", stored, " values are stored");
  return offsets;
}

/// A matrix in an open file, of any encoding that AnnData gives to one. Everything about it was
/// found sound but its values, which are read a few rows at a time, or all at once.
class MatrixElement {
 public:
  /// @param element  of which it reads; it lives longer
  template <class = void>
  MatrixElement(const hdf5::Object& element, const Extents& expected);
  MatrixElement(const MatrixElement&) = delete;
  MatrixElement& operator=(const MatrixElement&) = delete;

  size_t rows = 0, columns = 0;
  DType dtype = DType::f32;  ///< in memory
  bool is_sparse = false;
  SparseLayout layout;

  /// Where the values of each row begin, or of each column where it is stored by columns; none of a
  /// dense matrix.
  const std::vector<int64_t>& indptr() const { return indptr_; }

  /// Some rows of a matrix that is not stored by columns. Rows that follow those that were read
  /// before are found soonest.
  template <class = void>
  Matrix read(hdf5::RowRange rows);
  /// The same of a sparse matrix of this dtype, into room that is used again.
  template <class T>
  void read(hdf5::RowRange rows, CsrMatrix<T>& out);
  template <class = void>
  Matrix read_all();

 private:
  template <class = void>
  void open_sparse(bool by_columns, const Extents& expected);
  template <class T>
  void read_lines(hdf5::RowRange lines, CsrMatrix<T>& m);
  template <class = void>
  void check_places(std::span<const int32_t> places, size_t first, size_t columns) const;
  template <class T>
  void sort_lines(CsrMatrix<T>& m) const;
  template <class = void>
  Matrix read_sparse(hdf5::RowRange lines);
  template <class = void>
  Matrix read_dense(hdf5::RowRange wanted);
  double bytes_of(double values) const;

  const hdf5::Object& element_;
  hdf5::Object data_, indices_;
  hdf5::Dataset values_, places_;  // of a dense matrix values_ alone
  hdf5::OpenChunks open_values_, open_places_;
  std::vector<int64_t> indptr_;
};

template <class>
MatrixElement::MatrixElement(const hdf5::Object& element, const Extents& expected)
    : element_(element) {
  const Encoding encoding = encoding_of(element);
  const bool by_columns = encoding.is("csc_matrix", "0.1.0");
  if (by_columns || encoding.is("csr_matrix", "0.1.0")) {
    open_sparse(by_columns, expected);
    return;
  }
  if (!element.is_dataset() || !(encoding.is("array", "0.2.0") || encoding.type.empty()))
    element.fail("has ", encoding.text(), ", expected an array, a csr_matrix or a csc_matrix");
  values_ = hdf5::open_dataset(element);
  if (values_.shape.size() != 2)
    element.fail("has shape ", values_.shape, ", expected two dimensions");
  rows = values_.shape[0];
  columns = values_.shape[1];
  dtype = hdf5::number_type(values_);
  check_extents(element, rows, columns, expected);
}

template <class>
void MatrixElement::open_sparse(bool by_columns, const Extents& expected) {
  const hdf5::Object& group = element_;
  const auto shape = hdf5::integers_attribute(group, "shape");
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  if (!shape || shape->size() != 2 || (*shape)[0] < 0 || (*shape)[1] < 0 || (*shape)[0] > most ||
      (*shape)[1] > most)
    group.fail("its attribute 'shape' is ", shape ? message(*shape) : "absent",
               ", expected two numbers from 0 to ", most);
  rows = size_t((*shape)[0]);
  columns = size_t((*shape)[1]);
  is_sparse = true;
  check_extents(group, rows, columns, expected);
  // Turning columns into rows takes memory for every row, which nothing stored has to justify.
  if (by_columns && !expected.rows) group.charge(8.0 * double(rows), 0, 1);

  data_ = group.open("data");
  const hdf5::Object indptr = group.open("indptr");
  indices_ = group.open("indices");
  values_ = hdf5::open_dataset(data_);
  places_ = hdf5::open_dataset(indices_);
  dtype = hdf5::number_type(values_);
  for (const hdf5::Dataset* list : {&values_, &places_})
    if (list->null || list->shape.size() != 1)
      list->object->fail("has shape ", list->shape, ", expected one dimension");
  if (dtype == DType::f16) {
    data_.warn("is sparse float16, which is kept as float32");
    dtype = DType::f32;
  }
  const auto width = [](const hdf5::Dataset& numbers) {
    return size_of(hdf5::number_type(numbers)) == 8 ? DType::i64 : DType::i32;
  };
  layout = {by_columns, width(places_), width(hdf5::open_dataset(indptr))};
  indptr_ = read_offsets(indptr, by_columns ? columns : rows, values_.count);
  if (places_.count != values_.count)
    indices_.fail("has ", places_.count, " entries, expected ", values_.count,
                  ", one for each value");
}

/// @param first  the entry that the first of them is
template <class>
void MatrixElement::check_places(std::span<const int32_t> found, size_t first,
                                 size_t expected) const {
  // A negative one is a large one.
  const auto is_wrong = [expected](int32_t place) { return uint32_t(place) >= expected; };
  parallel_for(found.size(), size_t(1) << 18, [&](size_t begin, size_t end) {
    uint32_t wrong = 0;  // no bool, which compilers take one by one
    for (size_t i = begin; i < end; ++i) wrong |= uint32_t(is_wrong(found[i]));
    if (!wrong) return;
    const auto i = size_t(
        std::find_if(found.begin() + std::ptrdiff_t(begin), found.end(), is_wrong) - found.begin());
    indices_.fail("holds ", found[i], " at entry ", first + i, ", expected 0 .. ", expected,
                  " - 1");
  });
}

/// Compressed rows (or columns), as they are stored.
/// @param m  whose room is used again
template <class T>
void MatrixElement::read_lines(hdf5::RowRange lines, CsrMatrix<T>& m) {
  const int64_t begin = indptr_[lines.first];
  const hdf5::RowRange stored{size_t(begin), size_t(indptr_[lines.last])};
  m.rows = lines.last - lines.first;
  m.columns = layout.by_columns ? rows : columns;
  hdf5::read_numbers(values_, stored, m.values, &open_values_);
  hdf5::read_numbers(places_, stored, m.indices, &open_places_);
  check_places(m.indices, stored.first, m.columns);
  m.indptr.assign(indptr_.begin() + std::ptrdiff_t(lines.first),
                  indptr_.begin() + std::ptrdiff_t(lines.last) + 1);
  if (begin)
    for (int64_t& offset : m.indptr) offset -= begin;
}

template <class T>
void MatrixElement::sort_lines(CsrMatrix<T>& m) const {
  try {
    sort_rows(m);
  } catch (const FormatError& e) {
    element_.fail(e.what());
  }
}

template <class>
Matrix MatrixElement::read_sparse(hdf5::RowRange lines) {
  return visit_storage<Matrix>(dtype, [&]<class T>() -> Matrix {
    if constexpr (std::is_same_v<T, half> || std::is_same_v<T, bfloat16>) {
      throw FormatError("read_h5ad: a sparse matrix of 16-bit numbers");  // see open_sparse
    } else {
      CsrMatrix<T> m;
      read_lines(lines, m);
      if (layout.by_columns) {
        element_.take(0, double(m.values.size()) * double(sizeof(T) + sizeof(int32_t)));
        m = transposed(m.view());
      }
      sort_lines(m);
      if (dtype == DType::boolean)  // true and true is true
        for (T& value : m.values) value = value != T(0);
      return {m.rows,
              columns,
              std::move(m.indptr),
              std::move(m.indices),
              Numbers(std::move(m.values), dtype),
              layout};
    }
  });
}

/// Bytes of so many values in memory, with their columns where it is sparse.
inline double MatrixElement::bytes_of(double values) const {
  return values * double(size_of(dtype) + (is_sparse ? sizeof(int32_t) : 0));
}

template <class>
Matrix MatrixElement::read_dense(hdf5::RowRange wanted) {
  return {wanted.last - wanted.first, columns, hdf5::read_rows(values_, wanted, &open_values_)};
}

template <class>
Matrix MatrixElement::read(hdf5::RowRange wanted) {
  const double values = is_sparse ? double(indptr_[wanted.last] - indptr_[wanted.first])
                                  : double(values_.count_of(wanted));
  element_.take(0, bytes_of(values));
  return is_sparse ? read_sparse(wanted) : read_dense(wanted);
}

template <class T>
void MatrixElement::read(hdf5::RowRange wanted, CsrMatrix<T>& out) {
  element_.take(0, bytes_of(double(indptr_[wanted.last] - indptr_[wanted.first])));
  read_lines(wanted, out);
  sort_lines(out);
}

template <class>
Matrix MatrixElement::read_all() {
  element_.take(bytes_of(double(values_.count)));
  if (!is_sparse) return read_dense({0, rows});
  if (layout.by_columns) element_.take(8.0 * double(rows), 8.0 * double(rows));
  return read_sparse({0, layout.by_columns ? columns : rows});
}

template <class = void>
Matrix read_matrix(const hdf5::Object& element, const Extents& expected) {
  return MatrixElement(element, expected).read_all();
}

}  // namespace detail
VCELL_END_NAMESPACE
