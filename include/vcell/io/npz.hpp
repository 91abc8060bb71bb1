#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/io/number_text.hpp"
#include "vcell/io/numpy_values.hpp"
#include "vcell/io/zip_archive.hpp"

VCELL_BEGIN_NAMESPACE

/// What a `.npz` holds under a name: numbers, or a list of texts.
struct NumpyEntry {
  Array numbers;
  std::vector<std::string> texts;
  bool is_texts = false;
};

namespace detail {

/// Reads one `.npy` (numpy's format, versions 1 to 3): magic, version, the length of a header, the
/// header as a dict in Python's spelling, the elements.
template <class = void>
NumpyEntry read_npy(std::string_view text, const std::string& where) {
  const auto fail = [&](const char* what) {
    throw FormatError(message(where, ": ", what, "; expected an array that numpy.save wrote"));
  };
  if (!text.starts_with("\x93NUMPY") || text.size() < 12) fail("does not begin as an array");
  const size_t size = text[6] == 1 ? 2 : 4;
  if (text[6] < 1 || text[6] > 3) fail("is of a version that vcell does not know");
  uint32_t length = 0;
  std::memcpy(&length, text.data() + 8, size);
  if (length > text.size() - 8 - size) fail("is cut off");
  const std::string_view header = text.substr(8 + size, length);
  const auto after = [&](std::string_view key) {
    const size_t at = header.find(key);
    if (at == header.npos) fail("has an incomplete header");
    const size_t value = header.find_first_not_of(' ', at + key.size());
    return value == header.npos ? std::string_view() : header.substr(value);
  };
  const std::string_view descr = after("'descr':"), order = after("'fortran_order':"),
                         extents = after("'shape':");
  if (!descr.starts_with('\'') || !extents.starts_with('('))
    fail("is of a structured dtype or has no shape");
  const auto type = numpy_type(descr.substr(1, descr.find('\'', 1) - 1));
  if (!type) fail("is of a dtype that vcell does not read");
  std::vector<size_t> shape;
  std::string_view rest = extents.substr(1, extents.find(')') - 1);
  while (rest.find_first_not_of(" ,") != rest.npos) {
    rest.remove_prefix(rest.find_first_not_of(" ,"));
    const size_t end = std::min(rest.find(','), rest.size());
    const auto n = parse_number(rest.substr(0, end));
    if (!n || *n < 0 || *n > 1e15 || *n != double(uint64_t(*n)) || shape.size() == 64)
      fail("has a shape that cannot be");
    shape.push_back(size_t(*n));
    rest.remove_prefix(end);
  }
  const std::string_view bytes = text.substr(8 + size + length);
  NumpyEntry out;
  if (type->kind == 'U' || type->kind == 'S') {
    const auto count = elements_of(shape, type->size, bytes.size());
    if (!count) fail("has a shape that does not fit its bytes");
    out.is_texts = true;
    for (size_t i = 0; i < *count; ++i) {
      auto value = numpy_text(*type, bytes.substr(i * type->size, type->size));
      if (!value) fail("holds a text that is no Unicode");
      out.texts.push_back(std::move(*value));
    }
    return out;
  }
  auto numbers = numpy_array(*type, shape, order.starts_with("True"), bytes);
  if (!numbers) fail("is of a dtype that vcell does not read, or its shape does not fit its bytes");
  out.numbers = std::move(*numbers);
  return out;
}

}  // namespace detail

/// Reads all arrays of a `.npz`, as numpy.savez and savez_compressed write it, under their names.
/// Arrays of objects are refused: they are pickles.
/// @throws IoError; FormatError naming file and array if it is not what the format says
template <class = void>
std::map<std::string, NumpyEntry> read_npz(const std::filesystem::path& path) {
  ZipArchive archive(path);
  std::map<std::string, NumpyEntry> out;
  for (const ZipRecord& record : archive.records()) {
    const std::string where =
        message("read_npz: ", quoted(path.string()), ", array ", quoted(record.name));
    if (!record.name.ends_with(".npy"))
      throw FormatError(message(where, ": its name does not end in .npy"));
    out.emplace(record.name.substr(0, record.name.size() - 4),
                detail::read_npy(archive.read(record), where));
  }
  return out;
}

VCELL_END_NAMESPACE
