#pragma once

#include <initializer_list>
#include <string>

#include "vcell/io/hdf5/attribute.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// What an element says it is: its attributes `encoding-type` and `encoding-version`; both are ""
/// where it says nothing.
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
  return {hdf5::text_attribute(object, "encoding-type").value_or(""),
          hdf5::text_attribute(object, "encoding-version").value_or("")};
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

/// How to mend a file whose encodings are older than anndata 0.8's.
template <class = void>
std::string resave_hint() {
  return "read and write it once with Python's anndata >= 0.8: "
         "anndata.read_h5ad(old).write_h5ad(new)";
}

}  // namespace detail
VCELL_END_NAMESPACE
