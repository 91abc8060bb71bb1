#pragma once

#include <initializer_list>
#include <string>

#include "vcell/io/hdf5/attribute.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// What an element says it is: its attributes `encoding-type` and `encoding-version`; both are ""
/// where it says nothing. Sparse matrices of anndata up to 0.6, which say it in `h5sparse_format`,
/// differ from later ones in names alone.
struct Encoding {
  std::string type, version;

  bool is(std::string_view expected_type, std::string_view expected_version) const {
    return type == expected_type && version == expected_version;
  }
  std::string text() const {
    return type.empty() ? "no encoding" : message(quoted(type), " ", version);
  }
};

template <class = void>
Encoding encoding_of(const hdf5::Object& object) {
  Encoding out{hdf5::text_attribute(object, "encoding-type").value_or(""),
               hdf5::text_attribute(object, "encoding-version").value_or("")};
  if (out.type.empty() && object.is_group())
    if (const auto format = hdf5::text_attribute(object, "h5sparse_format"))
      out = {*format + "_matrix", "0.1.0"};
  return out;
}

/// Warns of the attributes of a group that are not read, and so not written again.
/// @param known  those that are, beside its encoding
template <class = void>
void warn_of_attributes(const hdf5::Object& group, std::initializer_list<std::string_view> known) {
  std::vector<std::string> unknown;
  for (std::string& name : hdf5::attribute_names(group))
    if (!name.starts_with("encoding-") &&
        std::find(known.begin(), known.end(), name) == known.end())
      unknown.push_back(std::move(name));
  if (!unknown.empty()) group.warn("its attributes ", list_of(unknown), " are left out");
}

/// The extents that a sparse matrix says it has.
template <class = void>
std::optional<std::vector<int64_t>> sparse_shape(const hdf5::Object& group) {
  if (auto shape = hdf5::integers_attribute(group, "shape")) return shape;
  return hdf5::integers_attribute(group, "h5sparse_shape");
}

}  // namespace detail
VCELL_END_NAMESPACE
