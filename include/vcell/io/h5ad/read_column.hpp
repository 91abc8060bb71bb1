#pragma once

#include "vcell/io/h5ad/legacy_categorical.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

template <class = void>
Column read_categorical(const hdf5::Object& group) {
  Categorical out;
  out.categories = read_complete(group.open("categories"));
  read_codes(group.open("codes"), out);
  out.ordered = read_ordered(group);
  return out;
}

/// One column, or nothing when its encoding is not understood.
template <class = void>
std::optional<Column> read_column(const hdf5::Object& element) {
  const Encoding encoding = encoding_of(element);
  if (encoding.is("categorical", "0.2.0")) return read_categorical(element);
  for (const char* type : {"nullable-integer", "nullable-boolean", "nullable-string-array"})
    if (encoding.is(type, "0.1.0")) return read_nullable(element);
  if (is_legacy_categorical(element)) return read_legacy_categorical(element);
  const bool plain = encoding.type.empty() || encoding.is("array", "0.2.0") ||
                     encoding.is("string-array", "0.2.0");
  if (!element.is_dataset() || !plain) return {};
  auto labels = read_labels(element);
  if (!labels) return {};
  return Column(std::move(*labels));
}

}  // namespace detail
VCELL_END_NAMESPACE
