#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "vcell/io/hdf5/numbers.hpp"
#include "vcell/io/utf8.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {
namespace detail {

/// Text of a fixed width, without the padding.
template <class = void>
std::string trimmed(const char* text, size_t width, H5T_str_t padding) {
  if (padding == H5T_STR_SPACEPAD) {
    while (width && text[width - 1] == ' ') --width;
    return std::string(text, width);
  }
  const void* end = std::memchr(text, 0, width);
  return std::string(text, end ? size_t(static_cast<const char*>(end) - text) : width);
}

/// `count` texts of a stored type, in UTF-8. read(type, to) fetches them from a dataset or an
/// attribute.
template <class Read>
std::vector<std::string> read_texts(const Object& object, hid_t type, size_t count, Read&& read) {
  if (count == 0) return {};
  const bool variable = H5Tis_variable_str(type) > 0;
  RawFile& raw = object.reading->raw;
  const size_t width = variable ? raw.reference_size() : H5Tget_size(type);
  object.take(double(count) * sizeof(std::string), double(count) * double(width));
  std::vector<std::string> out(count);
  std::vector<char> bytes(count * width);
  const Handle memory(variable ? H5Tcreate(H5T_OPAQUE, width) : H5Tcopy(type));
  read(hid_t(memory), bytes.data());
  const H5T_str_t padding = variable ? H5T_STR_NULLTERM : H5Tget_strpad(type);
  for (size_t i = 0; i < count; ++i) {
    if (!variable) {
      out[i] = trimmed(bytes.data() + i * width, width, padding);
      object.take(double(out[i].size()));
    } else {
      try {
        out[i] = object.reading->heap.text(raw, {bytes.data() + i * width, width});
      } catch (const Damage& damage) {
        object.fail("its text ", i, ": ", damage.what, "; ", damage.verdict);
      }
      object.charge_text(out[i].size());
    }
    if (padding == H5T_STR_NULLPAD &&
        !std::all_of(bytes.begin() + ptrdiff_t(i * width + out[i].size()),
                     bytes.begin() + ptrdiff_t((i + 1) * width), [](char c) { return c == 0; }))
      object.fail("its text ", i, ", ", quoted(out[i]), ", goes on after a zero byte");
    if (!is_utf8(out[i]))
      object.fail("its text ", i, " is not UTF-8, as AnnData wants it; encode it anew where the ",
                  "file was made");
  }
  return out;
}

}  // namespace detail

/// All texts of a dataset, of fixed or variable length.
/// @throws FormatError if it holds no text, text that is not UTF-8, or cannot be read
template <class = void>
std::vector<std::string> read_text(const Dataset& d) {
  if (d.null || H5Tget_class(d.type) != H5T_STRING)
    d.object->fail("holds ", d.null ? "nothing" : type_name(d.type), ", expected text");
  return detail::read_texts(*d.object, d.type, d.count, [&](hid_t memory, void* to) {
    read_elements(d, d.rows(), memory, to);
  });
}

}  // namespace hdf5
VCELL_END_NAMESPACE
