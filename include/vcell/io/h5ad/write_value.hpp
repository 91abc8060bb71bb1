#pragma once

#include <unordered_set>

#include "vcell/data/anndata.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/io/h5ad/opaque.hpp"
#include "vcell/io/hdf5/output.hpp"

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

template <class T>
void write_numbers(const OutputGroup& parent, const std::string& name, std::span<const T> values,
                   const std::vector<size_t>& shape) {
  const hdf5::Handle dataset = parent.numbers(name, dtype_of<T>(), shape, values.data());
  put_encoding(parent, dataset, shape.empty() ? "numeric-scalar" : "array", "0.2.0");
}

/// Truth values, kept as bytes 0 and 1.
template <class = void>
void write_bools(const OutputGroup& parent, const std::string& name,
                 std::span<const uint8_t> values) {
  const auto dataset = parent.numbers(name, DType::boolean, {values.size()}, values.data());
  put_encoding(parent, dataset, "array", "0.2.0");
}

template <class = void>
void write_texts(const OutputGroup& parent, const std::string& name,
                 std::span<const std::string> texts) {
  put_encoding(parent, parent.texts(name, texts, false), "string-array", "0.2.0");
}

template <class = void>
void write_array(const OutputGroup& parent, const std::string& name, const Array& array) {
  check_size_match("write_h5ad", message("bytes of array ", quoted(parent.path_of(name))).c_str(),
                   array.bytes.size(), "bytes of its shape", array.count() * size_of(array.dtype));
  if (array.dtype == DType::bf16)  // HDF5 has no such type
    return write_numbers<float>(parent, name, array.as<float>(), array.shape);
  const auto dataset = parent.numbers(name, array.dtype, array.shape, array.bytes.data());
  put_encoding(parent, dataset, array.shape.empty() ? "numeric-scalar" : "array", "0.2.0");
}

template <class = void>
void write_matrix(const OutputGroup& parent, const std::string& name, const Matrix& m) {
  const auto check = [&](const char* what, size_t found, size_t expected) {
    check_size_match("write_h5ad", message(what, " of ", quoted(parent.path_of(name))).c_str(),
                     found, "what its shape needs", expected);
  };
  std::visit<void>(
      [&](const auto& x) {
        using T = typename std::decay_t<decltype(x.values)>::value_type;
        if constexpr (!is_csr_v<std::decay_t<decltype(x)>>) {
          check("values", x.values.size(), x.rows * x.columns);
          write_numbers<T>(parent, name, x.values, {x.rows, x.columns});
        } else {
          check("entries in indptr", x.indptr.size(), x.rows + 1);
          check("values", x.values.size(), size_t(x.indptr.back()));
          check("indices", x.indices.size(), size_t(x.indptr.back()));
          const OutputGroup group = make_group(parent, name, "csr_matrix", "0.1.0");
          const int64_t shape[] = {int64_t(x.rows), int64_t(x.columns)};
          group.attribute(group.id, "shape", H5T_NATIVE_INT64, {2}, shape);
          group.numbers("data", dtype_of<T>(), {x.values.size()}, x.values.data());
          group.numbers("indices", DType::i32, {x.indices.size()}, x.indices.data());
          // scipy wants 64 bits only where 32 do not reach.
          if (x.indptr.back() > std::numeric_limits<int32_t>::max()) {
            group.numbers("indptr", DType::i64, {x.indptr.size()}, x.indptr.data());
          } else {
            const std::vector<int32_t> indptr(x.indptr.begin(), x.indptr.end());
            group.numbers("indptr", DType::i32, {indptr.size()}, indptr.data());
          }
        }
      },
      m);
}

template <class = void>
void write_labels(const OutputGroup& parent, const std::string& name, const Labels& labels) {
  std::visit<void>(
      [&]<class T>(const std::vector<T>& values) {
        if constexpr (std::is_same_v<T, std::string>)
          write_texts(parent, name, values);
        else if constexpr (std::is_same_v<T, uint8_t>)
          write_bools(parent, name, values);
        else
          write_numbers<T>(parent, name, values, {values.size()});
      },
      labels);
}

template <class = void>
void write_categorical(const OutputGroup& parent, const std::string& name, const Categorical& c) {
  const auto n = int64_t(size(c.categories));
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
    write_numbers<T>(group, "codes", codes, {codes.size()});
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
  const auto nullable = [&](const char* type, const Labels& values) {
    const OutputGroup group = make_group(parent, name, type, "0.1.0");
    write_labels(group, "values", values);
    write_bools(group, "mask", column.missing);
  };
  if (!column.missing.empty())
    check_size_match("write_h5ad", message("mask of ", quoted(parent.path_of(name))).c_str(),
                     column.missing.size(), "values", column.size());
  std::visit<void>(
      [&]<class V>(const V& values) {
        if constexpr (std::is_same_v<V, Categorical>) {
          write_categorical(parent, name, values);
        } else if constexpr (std::is_same_v<V, std::vector<std::string>>) {
          const auto repeats = [&] {
            return std::unordered_set<std::string_view>(values.begin(), values.end()).size() <
                   values.size();
          };
          if (!column.missing.empty() || (categoricals && repeats()))
            write_categorical(parent, name, categorical(values, column.missing));
          else
            write_texts(parent, name, values);
        } else if (column.missing.empty()) {
          write_labels(parent, name, values);
        } else if constexpr (std::is_same_v<V, std::vector<double>>) {
          write_labels(parent, name, column.numbers());
        } else {
          constexpr bool truth = std::is_same_v<V, std::vector<uint8_t>>;
          nullable(truth ? "nullable-boolean" : "nullable-integer", values);
        }
      },
      column.values);
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
void write_dict(const OutputGroup& parent, const std::string& name, const Dict& dict) {
  const OutputGroup group = make_group(parent, name, "dict", "0.1.0");
  for (const auto& [key, value] : dict) write_value(group, key, value);
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

template <class>
void write_value(const OutputGroup& parent, const std::string& name, const Value& value) {
  check_key(parent, name);
  std::visit<void>(
      [&]<class T>(const T& x) {
        if constexpr (std::is_same_v<T, std::monostate>) {
          // Unknown to AnnData below 0.12, but a file that holds it comes from a later one.
          const hdf5::Handle space(H5Screate(H5S_NULL)), creation(H5Pcreate(H5P_DATASET_CREATE));
          H5Pset_obj_track_times(creation, false);
          const hdf5::Handle dataset(H5Dcreate2(parent.id, name.c_str(), H5T_NATIVE_FLOAT, space,
                                                H5P_DEFAULT, creation, H5P_DEFAULT));
          parent.check(hid_t(dataset), name);
          put_encoding(parent, dataset, "null", "0.1.0");
        } else if constexpr (std::is_arithmetic_v<T>) {
          write_numbers<T>(parent, name, std::span(&x, 1), {});
        } else if constexpr (std::is_same_v<T, std::string>) {
          put_encoding(parent, parent.texts(name, std::span(&x, 1), true), "string", "0.2.0");
        } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
          write_texts(parent, name, x);
        } else if constexpr (std::is_same_v<T, Array>) {
          write_array(parent, name, x);
        } else if constexpr (std::is_same_v<T, Matrix>) {
          write_matrix(parent, name, x);
        } else if constexpr (std::is_same_v<T, DataFrame>) {
          write_dataframe(parent, name, x);
        } else if constexpr (std::is_same_v<T, Column>) {
          write_column(parent, name, x, false);
        } else if constexpr (std::is_same_v<T, Dict>) {
          write_dict(parent, name, x);
        } else {
          write_opaque(parent, name, x);
        }
      },
      value.held);
}

}  // namespace detail
VCELL_END_NAMESPACE
