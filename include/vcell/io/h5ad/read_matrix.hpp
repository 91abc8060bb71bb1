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
  static constexpr size_t usual_cache = size_t(32) << 20;
  /// @param element  of which it reads; it lives longer
  /// @param cache    bytes of unpacked chunks that are kept for rows read later
  template <class = void>
  MatrixElement(const hdf5::Object& element, const Extents& expected, size_t cache = usual_cache);
  /// Sparse rows of a file that is no AnnData: a group with data, indices and indptr.
  /// @param shape  rows and columns, as the file says them
  template <class = void>
  MatrixElement(const hdf5::Object& group, std::span<const int64_t> shape, const Extents& expected,
                size_t cache = usual_cache);
  MatrixElement(const MatrixElement&) = delete;
  MatrixElement& operator=(const MatrixElement&) = delete;

  size_t rows = 0, columns = 0;
  DType dtype = DType::f32;  ///< in memory
  bool is_sparse = false;
  SparseLayout layout;

  /// Where the values of each row begin, or of each column where it is stored by columns; none of a
  /// dense matrix.
  const std::vector<int64_t>& indptr() const { return indptr_; }

  /// Whether HDF5 is called where it is read, which knows one thread at a time; else several
  /// threads may read it at once.
  bool needs_library() const {
    return values_.needs_library() || (is_sparse && places_.needs_library());
  }

  /// Some rows of a matrix that is not stored by columns.
  template <class = void>
  Matrix read(hdf5::RowRange rows) const;
  /// The same of a sparse matrix of this dtype, into room that is used again.
  template <class T>
  void read(hdf5::RowRange rows, CsrMatrix<T>& out) const;
  /// Rows of the same in any order; a row may be named more than once.
  template <class T>
  void read(std::span<const size_t> rows, CsrMatrix<T>& out) const;
  /// The same of any matrix that is not stored by columns.
  template <class = void>
  Matrix read(std::span<const size_t> rows) const;
  template <class = void>
  Matrix read_all() const;

  /// Compressed rows (or columns), as they are stored, of a sparse matrix of this dtype.
  /// @param lines  in any order
  /// @param m      whose room is used again
  /// @return whether all of them name ascending places, none of them twice
  template <class T>
  bool read_lines(std::span<const hdf5::RowRange> lines, CsrMatrix<T>& m) const;

 private:
  template <class = void>
  std::vector<hdf5::RowRange> ranges_of(std::span<const size_t> rows) const;
  template <class = void>
  Matrix read_dense(std::span<const hdf5::RowRange> rows) const;
  template <class = void>
  void open_sparse(std::span<const int64_t> shape, bool by_columns, const Extents& expected);
  template <class = void>
  void check_places(std::span<const hdf5::NumberPiece<int32_t>> pieces, size_t columns) const;
  template <class T>
  void sort_lines(CsrMatrix<T>& m) const;
  template <class = void>
  Matrix read_sparse(std::span<const hdf5::RowRange> lines) const;
  double bytes_of(double values) const;

  const hdf5::Object& element_;
  hdf5::Object data_, indices_;
  hdf5::Dataset values_, places_;  // of a dense matrix values_ alone
  mutable hdf5::ChunkCache value_chunks_, place_chunks_;
  std::vector<int64_t> indptr_;
};

template <class>
MatrixElement::MatrixElement(const hdf5::Object& element, const Extents& expected, size_t cache)
    : element_(element), value_chunks_(cache / 2), place_chunks_(cache / 2) {
  const Encoding encoding = encoding_of(element);
  const bool by_columns = encoding.is("csc_matrix", "0.1.0");
  if (by_columns || encoding.is("csr_matrix", "0.1.0")) {
    const auto shape = sparse_shape(element);
    if (!shape) element.fail("its attribute 'shape' is absent, expected rows and columns");
    open_sparse(*shape, by_columns, expected);
    return;
  }
  if (!element.is_dataset() || !(encoding.is("array", "0.2.0") || encoding.type.empty()))
    element.fail("has ", encoding.text(), ", expected an array, a csr_matrix or a csc_matrix");
  values_ = hdf5::open_dataset(element);
  // Of one gene anndata up to 0.6 wrote a list.
  const bool is_list =
      values_.shape.size() == 1 && encoding.type.empty() && expected.columns.value_or(1) == 1;
  if (values_.shape.size() != 2 && !is_list)
    element.fail("has shape ", values_.shape, ", expected two dimensions");
  rows = values_.shape[0];
  columns = is_list ? 1 : values_.shape[1];
  dtype = hdf5::number_type(values_);
  check_extents(element, rows, columns, expected);
}

template <class>
MatrixElement::MatrixElement(const hdf5::Object& group, std::span<const int64_t> shape,
                             const Extents& expected, size_t cache)
    : element_(group), value_chunks_(cache / 2), place_chunks_(cache / 2) {
  open_sparse(shape, false, expected);
}

template <class>
void MatrixElement::open_sparse(std::span<const int64_t> shape, bool by_columns,
                                const Extents& expected) {
  const hdf5::Object& group = element_;
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  if (shape.size() != 2 || shape[0] < 0 || shape[1] < 0 || shape[0] > most || shape[1] > most)
    group.fail("its 'shape' is ", shape, ", expected two numbers from 0 to ", most);
  rows = size_t(shape[0]);
  columns = size_t(shape[1]);
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

template <class>
void MatrixElement::check_places(std::span<const hdf5::NumberPiece<int32_t>> pieces,
                                 size_t expected) const {
  // A negative one is a large one.
  const auto is_wrong = [expected](int32_t place) { return uint32_t(place) >= expected; };
  for (const auto& piece : pieces)
    parallel_for(piece.rows.last - piece.rows.first, size_t(1) << 18,
                 [&](size_t begin, size_t end) {
                   uint32_t wrong = 0;  // no bool, which compilers take one by one
                   for (size_t i = begin; i < end; ++i) wrong |= uint32_t(is_wrong(piece.to[i]));
                   if (!wrong) return;
                   const auto i =
                       size_t(std::find_if(piece.to + begin, piece.to + end, is_wrong) - piece.to);
                   indices_.fail("holds ", piece.to[i], " at entry ", piece.rows.first + i,
                                 ", expected 0 .. ", expected, " - 1");
                 });
}

template <class T>
bool MatrixElement::read_lines(std::span<const hdf5::RowRange> lines, CsrMatrix<T>& m) const {
  m.columns = layout.by_columns ? rows : columns;
  m.indptr.assign(1, 0);
  for (const hdf5::RowRange some : lines)
    for (size_t line = some.first; line < some.last; ++line)
      m.indptr.push_back(m.indptr.back() + indptr_[line + 1] - indptr_[line]);
  m.rows = m.indptr.size() - 1;
  hdf5::number_type(values_);
  m.values.resize(size_t(m.indptr.back()));
  m.indices.resize(size_t(m.indptr.back()));
  std::vector<hdf5::NumberPiece<T>> values;
  std::vector<hdf5::NumberPiece<int32_t>> places;
  size_t line = 0, next = 0;
  for (const hdf5::RowRange some : lines) {
    const hdf5::RowRange stored{size_t(indptr_[some.first]), size_t(indptr_[some.last])};
    line += some.last - some.first;
    if (stored.first < stored.last) {
      values.push_back({stored, m.values.data() + next});
      places.push_back({stored, m.indices.data() + next});
    }
    next = size_t(m.indptr[line]);
  }
  // As they lie in the file, so that neighbours are read in one go.
  const auto earlier = [](const auto& a, const auto& b) { return a.rows.first < b.rows.first; };
  std::sort(values.begin(), values.end(), earlier);
  std::sort(places.begin(), places.end(), earlier);
  hdf5::read_numbers<T>(values_, values, &value_chunks_);
  hdf5::read_numbers<int32_t>(places_, places, &place_chunks_);
  if (has_sorted_rows(m)) return true;
  check_places(places, m.columns);
  return false;
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
Matrix MatrixElement::read_sparse(std::span<const hdf5::RowRange> lines) const {
  return visit_storage<Matrix>(dtype, [&]<class T>() -> Matrix {
    if constexpr (std::is_same_v<T, half> || std::is_same_v<T, bfloat16>) {
      throw FormatError("read_h5ad: a sparse matrix of 16-bit numbers");  // see open_sparse
    } else {
      CsrMatrix<T> m;
      const bool sorted = read_lines(lines, m);
      if (layout.by_columns) {
        element_.take(0, double(m.values.size()) * double(sizeof(T) + sizeof(int32_t)));
        m = transposed(m.view());
      }
      if (!sorted) sort_lines(m);
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
Matrix MatrixElement::read_dense(std::span<const hdf5::RowRange> wanted) const {
  size_t count = 0;
  for (const hdf5::RowRange some : wanted) count += some.last - some.first;
  return {count, columns, hdf5::read_rows(values_, wanted, &value_chunks_)};
}

template <class>
Matrix MatrixElement::read(hdf5::RowRange wanted) const {
  const double values = is_sparse ? double(indptr_[wanted.last] - indptr_[wanted.first])
                                  : double(values_.count_of(wanted));
  element_.take(0, bytes_of(values));
  const std::span one(&wanted, 1);
  return is_sparse ? read_sparse(one) : read_dense(one);
}

template <class T>
void MatrixElement::read(hdf5::RowRange wanted, CsrMatrix<T>& out) const {
  element_.take(0, bytes_of(double(indptr_[wanted.last] - indptr_[wanted.first])));
  if (!read_lines(std::span(&wanted, 1), out)) sort_lines(out);
}

/// Rows that follow each other in one piece. Counts what they take.
template <class>
std::vector<hdf5::RowRange> MatrixElement::ranges_of(std::span<const size_t> wanted) const {
  std::vector<hdf5::RowRange> out;
  double values = 0;
  for (const size_t row : wanted) {
    values += is_sparse ? double(indptr_[row + 1] - indptr_[row]) : double(columns);
    if (!out.empty() && out.back().last == row)
      ++out.back().last;
    else
      out.push_back({row, row + 1});
  }
  element_.take(0, bytes_of(values));
  return out;
}

template <class T>
void MatrixElement::read(std::span<const size_t> wanted, CsrMatrix<T>& out) const {
  if (!read_lines(ranges_of(wanted), out)) sort_lines(out);
}

template <class>
Matrix MatrixElement::read(std::span<const size_t> wanted) const {
  const auto ranges = ranges_of(wanted);
  return is_sparse ? read_sparse(ranges) : read_dense(ranges);
}

template <class>
Matrix MatrixElement::read_all() const {
  element_.take(bytes_of(double(values_.count)));
  const hdf5::RowRange all{0, rows};
  if (!is_sparse) return read_dense(std::span(&all, 1));
  if (layout.by_columns) element_.take(8.0 * double(rows), 8.0 * double(rows));
  const hdf5::RowRange lines{0, layout.by_columns ? columns : rows};
  return read_sparse(std::span(&lines, 1));
}

template <class = void>
Matrix read_matrix(const hdf5::Object& element, const Extents& expected) {
  return MatrixElement(element, expected).read_all();
}

}  // namespace detail
VCELL_END_NAMESPACE
