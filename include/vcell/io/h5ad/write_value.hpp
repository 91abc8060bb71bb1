#pragma once

#include <limits>
#include <unordered_set>

#include "vcell/data/anndata.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/data/transposed.hpp"
#include "vcell/io/h5ad/opaque.hpp"
#include "vcell/io/hdf5/output_rows.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

using hdf5::OutputGroup;

/// Says what an element is.
template <class = void>
void put_encoding(const OutputGroup& parent, hid_t object, const std::string& type,
                  const std::string& version) {
  parent.attribute(object, "encoding-type", type);
  parent.attribute(object, "encoding-version", version);
}

template <class = void>
OutputGroup make_group(const OutputGroup& parent, const std::string& name, const std::string& type,
                       const std::string& version) {
  OutputGroup out = parent.group(name);
  put_encoding(parent, out.id, type, version);
  return out;
}

/// Numbers of any shape, as the array or single number that they are. HDF5 has no bfloat16: those
/// are written as float.
template <class = void>
void write_numbers(const OutputGroup& parent, const std::string& name, const Numbers& numbers,
                   const std::vector<size_t>& shape) {
  if (numbers.dtype() == DType::bf16)
    return write_numbers(parent, name, numbers.as<float>(), shape);
  const auto dataset =
      hdf5::put_numbers(parent, name, numbers.dtype(), shape, numbers.bytes().data());
  put_encoding(parent, dataset, shape.empty() ? "numeric-scalar" : "array", "0.2.0");
}

template <class = void>
void write_texts(const OutputGroup& parent, const std::string& name,
                 std::span<const std::string> texts) {
  put_encoding(parent, parent.texts(name, texts, false), "string-array", "0.2.0");
}

template <class = void>
void write_array(const OutputGroup& parent, const std::string& name, const Array& array) {
  check_size_match("write_h5ad", message("values of array ", quoted(parent.path_of(name))).c_str(),
                   array.values.size(), "elements of its shape", array.count());
  write_numbers(parent, name, array.values, array.shape);
}

/// Of the indices of a sparse matrix in a file that is being written.
template <class = void>
DType index_type_of(const OutputGroup& group, const SparseLayout& layout) {
  return group.writing->index_type.value_or(layout.index_type);
}

template <class = void>
void write_offsets(const OutputGroup& group, const SparseLayout& layout,
                   std::span<const int64_t> indptr) {
  const bool is_long = indptr.back() > std::numeric_limits<int32_t>::max();
  const DType dtype = group.writing->index_type.value_or(layout.offset_type);
  hdf5::put_numbers(group, "indptr", is_long ? DType::i64 : dtype, {indptr.size()}, indptr.data(),
                    DType::i64);
}

/// A sparse matrix by the columns or rows that its layout says. Offsets that 32 bits do not hold
/// take 64.
template <class T>
void write_sparse(const OutputGroup& parent, const std::string& name, const Matrix& m,
                  CsrView<T> by_rows) {
  CsrMatrix<T> turned;
  if (m.layout.by_columns) turned = transposed(by_rows);
  const CsrView<T> lines = m.layout.by_columns ? turned.view() : by_rows;
  const OutputGroup group =
      make_group(parent, name, m.layout.by_columns ? "csc_matrix" : "csr_matrix", "0.1.0");
  const int64_t shape[] = {int64_t(m.rows()), int64_t(m.columns())};
  group.attribute(group.id, "shape", H5T_NATIVE_INT64, {2}, shape);
  const DType dtype = m.dtype() == DType::boolean ? DType::boolean : dtype_of<T>();
  hdf5::put_numbers(group, "data", dtype, {lines.values.size()}, lines.values.data());
  hdf5::put_numbers(group, "indices", index_type_of(group, m.layout), {lines.indices.size()},
                    lines.indices.data(), DType::i32);
  write_offsets(group, m.layout, lines.indptr);
}

template <class = void>
void write_matrix(const OutputGroup& parent, const std::string& name, const Matrix& m) {
  if (!m.is_sparse()) return write_numbers(parent, name, m.values(), {m.rows(), m.columns()});
  for (const DType type : {m.layout.index_type, m.layout.offset_type})
    if (type != DType::i32 && type != DType::i64)
      throw ConfigError(message("write_h5ad: element ", quoted(parent.path_of(name)), ": indices ",
                                "of ", name_of(type), ", expected int32 or int64"));
  m.values().visit([&]<class T>(std::span<const T> values) {
    if constexpr (std::is_same_v<T, bfloat16>) {
      const auto wider = m.values().as<float>();
      write_sparse<float>(parent, name, m, {m.rows(), m.columns(), m.indptr(), m.indices(), wider});
    } else {
      write_sparse<T>(parent, name, m, {m.rows(), m.columns(), m.indptr(), m.indices(), values});
    }
  });
}

template <class = void>
void write_labels(const OutputGroup& parent, const std::string& name, const Labels& labels) {
  if (labels.is_text()) return write_texts(parent, name, labels.texts());
  write_numbers(parent, name, labels.numbers(), {labels.size()});
}

template <class = void>
void write_categorical(const OutputGroup& parent, const std::string& name, const Categorical& c) {
  const auto n = int64_t(c.categories.size());
  for (int32_t code : c.codes)
    if (code < -1 || code >= n)
      throw ConfigError(message("write_h5ad: element ", quoted(parent.path_of(name)), ": code ",
                                code, ", expected -1 (missing) .. ", n, " - 1"));
  const OutputGroup group = make_group(parent, name, "categorical", "0.2.0");
  const auto ordered = int8_t(c.ordered);
  group.attribute(group.id, "ordered", hdf5::bool_type(), {}, &ordered);
  write_labels(group, "categories", c.categories);
  const auto write_codes = [&]<class T>(T) {
    const std::vector<T> codes(c.codes.begin(), c.codes.end());
    write_numbers(group, "codes", codes, {codes.size()});
  };
  if (n <= 127)
    write_codes(int8_t());
  else if (n <= 32767)
    write_codes(int16_t());
  else
    write_codes(int32_t());
}

/// Text as a categorical, its labels sorted.
template <class = void>
Categorical categorical(std::span<const std::string> text, std::span<const uint8_t> missing) {
  Factor f = factor(text, missing);
  return {std::move(f.codes), std::move(f.names), false};
}

/// One column in the plain encodings that every AnnData since 0.8 reads: text with repeats or gaps
/// as a categorical, numbers and truth values with gaps beside a mask, floating numbers with gaps
/// as NaN.
template <class = void>
void write_column(const OutputGroup& parent, const std::string& name, const Column& column,
                  bool categoricals) {
  if (column.is_categorical()) return write_categorical(parent, name, column.categorical());
  const Labels& values = column.values();
  const auto& missing = column.missing();
  if (values.is_text()) {
    const auto& texts = values.texts();
    const auto repeats = [&] {
      return std::unordered_set<std::string_view>(texts.begin(), texts.end()).size() < texts.size();
    };
    if (missing.empty() && !(categoricals && repeats())) return write_texts(parent, name, texts);
    return write_categorical(parent, name, categorical(texts, missing));
  }
  const DType dtype = values.numbers().dtype();
  if (missing.empty()) return write_labels(parent, name, values);
  if (dtype >= DType::f16) {
    const auto numbers = column.numbers();
    if (dtype == DType::f64) return write_labels(parent, name, numbers);
    return write_labels(parent, name, std::vector<float>(numbers.begin(), numbers.end()));
  }
  const bool truth = dtype == DType::boolean;
  const OutputGroup group =
      make_group(parent, name, truth ? "nullable-boolean" : "nullable-integer", "0.1.0");
  write_labels(group, "values", values);
  write_numbers(group, "mask", Numbers::truths(missing), {missing.size()});
}

/// A column may have a name with slashes, as AnnData allows, if they lead through groups with
/// names.
template <class = void>
void check_column_name(const OutputGroup& table, const std::string& name) {
  const std::string framed = "/" + name + "/";
  if (framed.find("//") != std::string::npos || framed.find("/./") != std::string::npos)
    throw ConfigError(message("write_h5ad: ", quoted(name), " cannot be a column of ",
                              quoted(table.path), ": it is empty, or begins or ends with '/'"));
}

template <class = void>
void write_dataframe(const OutputGroup& parent, const std::string& name, const DataFrame& table) {
  const OutputGroup group = make_group(parent, name, "dataframe", "0.2.0");
  check_column_name(group, table.index_name);
  group.attribute(group.id, "_index", table.index_name);
  group.attribute(group.id, "column-order", table.names());
  write_texts(group, table.index_name, table.index);
  for (const std::string& column : table.names()) {
    check_column_name(group, column);
    check_size_match("write_h5ad", message("rows of ", quoted(group.path_of(column))).c_str(),
                     table.column(column).size(), "names in the index", table.rows());
    if (column != table.index_name)
      write_column(group, column, table.column(column), true);
    else if (table.column(column).text() != table.index)
      throw ConfigError(message("write_h5ad: table ", quoted(group.path), " has a column named ",
                                "like its index, ", quoted(column), ", with other values; rename ",
                                "one of them"));
  }
}

template <class = void>
void write_value(const OutputGroup& parent, const std::string& name, const Value& value);

template <class = void>
OutputGroup write_dict(const OutputGroup& parent, const std::string& name, const Dict& dict) {
  OutputGroup group = make_group(parent, name, "dict", "0.1.0");
  for (const auto& [key, value] : dict) write_value(group, key, value);
  return group;
}

/// A name within a group; a slash would make another group of it.
template <class = void>
void check_key(const OutputGroup& parent, const std::string& name) {
  if (name.empty() || name == "." || name.find_first_of(std::string_view("/\0", 2)) != name.npos ||
      !is_utf8(name))
    throw ConfigError(message("write_h5ad: ", quoted(name.c_str()), " cannot be a name in ",
                              quoted(parent.path),
                              ": expected one or more characters of UTF-8 without '/'"));
}

/// None. Unknown to AnnData below 0.12, but a file that holds it comes from a later one.
template <class = void>
void write_nothing(const OutputGroup& parent, const std::string& name) {
  const hdf5::Handle space(H5Screate(H5S_NULL)), creation(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_obj_track_times(creation, false);
  const hdf5::Handle dataset(H5Dcreate2(parent.id, name.c_str(), H5T_NATIVE_FLOAT, space,
                                        H5P_DEFAULT, creation, H5P_DEFAULT));
  parent.check(hid_t(dataset), name);
  put_encoding(parent, dataset, "null", "0.1.0");
}

template <class>
void write_value(const OutputGroup& parent, const std::string& name, const Value& value) {
  check_key(parent, name);
  switch (value.kind()) {
    case Value::Kind::nothing:
      return write_nothing(parent, name);
    case Value::Kind::array:
      return write_array(parent, name, *value.array());
    case Value::Kind::text:
      return put_encoding(parent, parent.texts(name, std::span(value.text(), 1), true), "string",
                          "0.2.0");
    case Value::Kind::texts:
      return write_texts(parent, name, *value.texts());
    case Value::Kind::matrix:
      return write_matrix(parent, name, *value.matrix());
    case Value::Kind::table:
      return write_dataframe(parent, name, *value.table());
    case Value::Kind::column:
      return write_column(parent, name, *value.column(), false);
    case Value::Kind::dict:
      write_dict(parent, name, *value.dict());
      return;
    case Value::Kind::opaque:
      return write_opaque(parent, name, *value.opaque());
  }
}

}  // namespace detail
VCELL_END_NAMESPACE
