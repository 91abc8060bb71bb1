#pragma once

#include <limits>
#include <optional>

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

template <class = void>
std::vector<int32_t> read_indices(const hdf5::Object& element, size_t size, size_t stored) {
  auto indices = hdf5::read_numbers<int32_t>(hdf5::open_dataset(element));
  if (indices.size() != stored)
    element.fail("has ", indices.size(), " entries, expected ", stored, ", one for each value");
  for (size_t i = 0; i < stored; ++i)
    if (indices[i] < 0 || size_t(indices[i]) >= size)
      element.fail("holds ", indices[i], " at entry ", i, ", expected 0 .. ", size, " - 1");
  return indices;
}

/// A matrix stored by compressed rows (csr_matrix) or columns (csc_matrix).
template <class = void>
Matrix read_sparse(const hdf5::Object& group, bool by_columns, const Extents& expected) {
  const auto shape = hdf5::integers_attribute(group, "shape");
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  if (!shape || shape->size() != 2 || (*shape)[0] < 0 || (*shape)[1] < 0 || (*shape)[0] > most ||
      (*shape)[1] > most)
    group.fail("its attribute 'shape' is ", shape ? message(*shape) : "absent",
               ", expected two numbers from 0 to ", most);
  const auto rows = size_t((*shape)[0]), columns = size_t((*shape)[1]);
  check_extents(group, rows, columns, expected);
  // Turning columns into rows takes memory for every row, which nothing stored has to justify.
  if (by_columns && !expected.rows) group.charge(8.0 * double(rows), 0, 1);
  if (by_columns) group.take(8.0 * double(rows), 8.0 * double(rows));

  const hdf5::Object data = group.open("data"), indptr = group.open("indptr"),
                     indices = group.open("indices");
  const hdf5::Dataset values = hdf5::open_dataset(data);
  DType dtype = hdf5::number_type(values);
  if (dtype == DType::f16) {
    data.warn("is sparse float16, which is kept as float32");
    dtype = DType::f32;
  }
  const auto width = [](const hdf5::Object& element) {
    const DType type = hdf5::number_type(hdf5::open_dataset(element));
    return size_of(type) == 8 ? DType::i64 : DType::i32;
  };
  const SparseLayout layout{by_columns, width(indices), width(indptr)};
  return visit_storage<Matrix>(dtype, [&]<class T>() -> Matrix {
    if constexpr (std::is_same_v<T, half> || std::is_same_v<T, bfloat16>) {
      throw FormatError("read_h5ad: a sparse matrix of 16-bit numbers");  // see above
    } else {
      CsrMatrix<T> m;
      m.values = hdf5::read_numbers<T>(values);
      m.rows = by_columns ? columns : rows;
      m.columns = by_columns ? rows : columns;
      m.indptr = read_offsets(indptr, m.rows, m.values.size());
      m.indices = read_indices(indices, m.columns, m.values.size());
      m.indices.resize(size_t(m.indptr.back()));
      m.values.resize(size_t(m.indptr.back()));
      if (by_columns) {
        group.take(0, double(m.values.size()) * double(sizeof(T) + sizeof(int32_t)));
        m = transposed(m.view());
      }
      try {
        sort_rows(m);
      } catch (const FormatError& e) {
        group.fail(e.what());
      }
      if (dtype == DType::boolean)  // true and true is true
        for (T& value : m.values) value = value != T(0);
      return {rows,
              columns,
              std::move(m.indptr),
              std::move(m.indices),
              Numbers(std::move(m.values), dtype),
              layout};
    }
  });
}

/// A matrix of any encoding that AnnData gives to one.
template <class = void>
Matrix read_matrix(const hdf5::Object& element, const Extents& expected) {
  const Encoding encoding = encoding_of(element);
  if (encoding.is("csr_matrix", "0.1.0")) return read_sparse(element, false, expected);
  if (encoding.is("csc_matrix", "0.1.0")) return read_sparse(element, true, expected);
  if (!element.is_dataset() || !(encoding.is("array", "0.2.0") || encoding.type.empty()))
    element.fail("has ", encoding.text(), ", expected an array, a csr_matrix or a csc_matrix");
  const hdf5::Dataset d = hdf5::open_dataset(element);
  if (d.shape.size() != 2) element.fail("has shape ", d.shape, ", expected two dimensions");
  check_extents(element, d.shape[0], d.shape[1], expected);
  return {d.shape[0], d.shape[1], hdf5::read_array(d).values};
}

}  // namespace detail
VCELL_END_NAMESPACE
