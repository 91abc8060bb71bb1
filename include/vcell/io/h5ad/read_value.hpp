#pragma once

#include "vcell/data/anndata.hpp"
#include "vcell/io/h5ad/opaque.hpp"
#include "vcell/io/h5ad/read_dataframe.hpp"
#include "vcell/io/h5ad/read_matrix.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// A dataset of numbers or text of a shape that Value has a place for; nothing otherwise.
template <class = void>
std::optional<Value> read_plain(const hdf5::Object& element) {
  const hdf5::Dataset d = hdf5::open_dataset(element);
  if (d.null) return {};
  if (H5Tget_class(d.type) == H5T_STRING) {
    if (d.shape.size() > 1) return {};
    auto text = hdf5::read_text(d);
    return d.shape.empty() ? Value(std::move(text.front())) : Value(std::move(text));
  }
  if (!hdf5::dtype_of_type(d.type)) return {};
  return Value(hdf5::read_array(d));
}

template <class = void>
std::optional<Value> read_value(const hdf5::Object& element);

template <class = void>
Dict read_dict(const hdf5::Object& group) {
  if (!group.is_group()) group.fail("is a dataset, expected a group of named values");
  warn_of_attributes(group, {});
  Dict out;
  for (const std::string& name : group.names()) {
    try {
      if (auto value = read_value(group.open(name))) out.emplace(name, std::move(*value));
    } catch (const hdf5::OddElement& e) {
      group.warn("its member ", quoted(name), " is left out: ", e.what());
    }
  }
  return out;
}

/// One unstructured value. What is not understood is kept as it is, or left out when that fails;
/// both with a warning.
template <class>
std::optional<Value> read_value(const hdf5::Object& element) {
  const Encoding encoding = encoding_of(element);
  const auto is = [&](std::string_view type, std::string_view version) {
    return encoding.is(type, version);
  };
  if (element.is_group()) {
    if (is("dict", "0.1.0") || (encoding.type.empty() && H5Aget_num_attrs(element.id) == 0))
      return Value(read_dict(element));
    if (is("csr_matrix", "0.1.0") || is("csc_matrix", "0.1.0"))
      return Value(read_matrix(element, {}));
    if (is_dataframe(encoding)) return Value(read_dataframe(element));
    if (auto column = read_column(element)) return Value(std::move(*column));
  } else {
    if (is("null", "0.1.0")) return Value();
    const bool plain = encoding.type.empty() || is("array", "0.2.0") || is("string", "0.2.0") ||
                       is("string-array", "0.2.0") || is("numeric-scalar", "0.2.0");
    if (plain)
      if (auto value = read_plain(element)) return value;
    if (is("bytes", "0.2.0")) {  // mostly text, and kept as it is where it is none
      try {
        if (auto value = read_plain(element)) return value;
      } catch (const FormatError& e) {
        element.warn("is no text: ", e.what());
      }
    }
  }
  if (auto opaque = read_opaque(element, encoding.text())) return Value(std::move(*opaque));
  return {};
}

/// One entry of obsm, varm, obsp or varp; nothing when it can neither be read nor kept.
template <class = void>
std::optional<Value> read_aligned(const hdf5::Object& element, const Extents& expected) {
  const Encoding encoding = encoding_of(element);
  if (encoding.is("csr_matrix", "0.1.0") || encoding.is("csc_matrix", "0.1.0"))
    return Value(read_matrix(element, expected));
  if (is_dataframe(encoding)) {
    DataFrame table = read_dataframe(element);
    check_extents(element, table.rows(), 0, {expected.rows, {}});
    return Value(std::move(table));
  }
  if (element.is_dataset() && (encoding.is("array", "0.2.0") || encoding.type.empty())) {
    const hdf5::Dataset d = hdf5::open_dataset(element);
    if (hdf5::dtype_of_type(d.type) && !d.shape.empty()) {
      check_extents(element, d.shape[0], d.shape.size() == 2 ? d.shape[1] : 0,
                    {expected.rows, d.shape.size() == 2 ? expected.columns : std::nullopt});
      Array array = hdf5::read_array(d);
      if (d.shape.size() != 2) return Value(std::move(array));
      return Value(Matrix(d.shape[0], d.shape[1], std::move(array.values)));
    }
  }
  if (auto opaque = read_opaque(element, encoding.text())) return Value(std::move(*opaque));
  return {};
}

}  // namespace detail
VCELL_END_NAMESPACE
