#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vcell/core/error.hpp"
#include "vcell/data/array.hpp"
#include "vcell/io/hdf5/types.hpp"
#include "vcell/io/utf8.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {

/// What writing one file needs everywhere.
struct Writing {
  const char* function = "";  ///< the public function at work
  std::string file;           ///< path, for messages
  int gzip = 0;               ///< level 0 .. 9; 0 stores plainly
  const bool* disk_failed = nullptr;

  /// @throws WriteError if the disk did not take everything so far
  void check_disk() const {
    if (*disk_failed)
      throw WriteError(message(function, ": cannot write ", quoted(file),
                               "; is the disk full, or the folder read-only?"));
  }
};

/// A group of a file that is being written. Objects carry no times, so that the same content gives
/// the same bytes.
struct OutputGroup {
  const Writing* writing = nullptr;
  std::string path;
  Handle id;

  std::string path_of(const std::string& name) const {
    return path == "/" ? "/" + name : path + "/" + name;
  }
  /// For the result of a call: throws a WriteError with HDF5's reason when it is negative.
  template <class Result>
  Result check(Result result, const std::string& name) const {
    writing->check_disk();
    if (result < 0)
      throw WriteError(message(writing->function, ": file ", quoted(writing->file), ", element ",
                               quoted(path_of(name)), ": cannot write it: ", error_text()));
    return result;
  }

  void make_way(const std::string& name) const;
  Handle creation(const std::string& name, const std::vector<hsize_t>& chunk,
                  size_t element_bytes) const;
  OutputGroup group(const std::string& name) const;
  Handle numbers(const std::string& name, DType dtype, const std::vector<size_t>& shape,
                 const void* values, std::optional<DType> memory = {}) const;
  Handle growing_numbers(const std::string& name, DType dtype,
                         const std::vector<size_t>& shape) const;
  Handle texts(const std::string& name, std::span<const std::string> texts, bool scalar) const;
  void attribute(hid_t object, const char* name, hid_t type, const std::vector<size_t>& shape,
                 const void* values) const;
  void attribute(hid_t object, const char* name, const std::string& text) const;
  void attribute(hid_t object, const char* name, const std::vector<std::string>& texts) const;
};

namespace detail {

template <class = void>
Handle link_creation() {
  Handle link(H5Pcreate(H5P_LINK_CREATE));
  H5Pset_char_encoding(link, H5T_CSET_UTF8);
  return link;
}

template <class = void>
Handle space_of(const std::vector<size_t>& shape) {
  if (shape.empty()) return Handle(H5Screate(H5S_SCALAR));
  const std::vector<hsize_t> extents(shape.begin(), shape.end());
  return Handle(H5Screate_simple(int(extents.size()), extents.data(), nullptr));
}

/// Chunks of about a quarter of a mebibyte, a whole number of rows where rows are shorter.
template <class = void>
std::vector<hsize_t> chunk_of(const std::vector<size_t>& shape, size_t element_bytes) {
  std::vector<hsize_t> chunk(shape.begin(), shape.end());
  size_t room = (size_t(1) << 18) / element_bytes;
  for (size_t i = shape.size(); i-- > 0;) {
    chunk[i] = std::clamp<size_t>(room, 1, shape[i]);
    room /= shape[i];
  }
  return chunk;
}

}  // namespace detail

/// A name may hold slashes ("a/b"): makes the groups on the way, which HDF5 would give a time.
inline void OutputGroup::make_way(const std::string& name) const {
  const Handle creation(H5Pcreate(H5P_GROUP_CREATE)), link(detail::link_creation());
  H5Pset_obj_track_times(creation, false);
  for (size_t slash = name.find('/'); slash != name.npos; slash = name.find('/', slash + 1)) {
    const std::string above = name.substr(0, slash);
    if (H5Lexists(id, above.c_str(), H5P_DEFAULT) > 0) continue;
    const Handle made(H5Gcreate2(id, above.c_str(), link, creation, H5P_DEFAULT));
    check(hid_t(made), above);
  }
}

/// Makes a group in this one.
inline OutputGroup OutputGroup::group(const std::string& name) const {
  make_way(name);
  const Handle creation(H5Pcreate(H5P_GROUP_CREATE)), link(detail::link_creation());
  H5Pset_obj_track_times(creation, false);
  OutputGroup out{writing, path_of(name),
                  Handle(H5Gcreate2(id, name.c_str(), link, creation, H5P_DEFAULT))};
  check(hid_t(out.id), name);
  return out;
}

/// How a dataset is stored: in these chunks, compressed where that is asked for, without times.
inline Handle OutputGroup::creation(const std::string& name, const std::vector<hsize_t>& chunk,
                                    size_t element_bytes) const {
  Handle out(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_obj_track_times(out, false);
  if (chunk.empty()) return out;
  check(H5Pset_chunk(out, int(chunk.size()), chunk.data()), name);
  if (writing->gzip > 0) {
    if (element_bytes > 1) check(H5Pset_shuffle(out), name);
    check(H5Pset_deflate(out, unsigned(writing->gzip)), name);
  }
  return out;
}

/// Writes numbers of any shape, in chunks and compressed where asked for and worth it. A shape
/// without dimensions makes a scalar.
/// @param memory  what the values are in memory, where that is another dtype than the file's
/// @return the dataset, for its attributes
inline Handle OutputGroup::numbers(const std::string& name, DType dtype,
                                   const std::vector<size_t>& shape, const void* values,
                                   std::optional<DType> memory) const {
  make_way(name);
  const Handle type(memory_type(dtype)), space(detail::space_of(shape));
  const Handle link(detail::link_creation());
  const size_t element_bytes = H5Tget_size(type);
  const bool empty = std::find(shape.begin(), shape.end(), size_t(0)) != shape.end();
  const Handle stored = creation(
      name, empty ? std::vector<hsize_t>() : detail::chunk_of(shape, element_bytes), element_bytes);
  Handle out(H5Dcreate2(id, name.c_str(), type, space, link, stored, H5P_DEFAULT));
  check(hid_t(out), name);
  const Handle from(memory_type(memory.value_or(dtype)));
  if (!empty) check(H5Dwrite(out, from, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), name);
  return out;
}

/// Makes a dataset of numbers that has no rows yet and takes any number of them.
/// @param shape  of many rows
inline Handle OutputGroup::growing_numbers(const std::string& name, DType dtype,
                                           const std::vector<size_t>& shape) const {
  make_way(name);
  const Handle type(memory_type(dtype)), link(detail::link_creation());
  const size_t element_bytes = H5Tget_size(type);
  std::vector<hsize_t> none(shape.begin(), shape.end()), most = none;
  none[0] = 0;
  most[0] = H5S_UNLIMITED;
  const Handle space(H5Screate_simple(int(none.size()), none.data(), most.data()));
  const Handle stored = creation(name, detail::chunk_of(shape, element_bytes), element_bytes);
  Handle out(H5Dcreate2(id, name.c_str(), type, space, link, stored, H5P_DEFAULT));
  check(hid_t(out), name);
  return out;
}

/// Writes texts of variable length: a list, or the only one as a scalar.
/// @return the dataset, for its attributes
/// @throws ConfigError if a text is not UTF-8 or holds a zero byte, which HDF5 takes for its end
inline Handle OutputGroup::texts(const std::string& name, std::span<const std::string> texts,
                                 bool scalar) const {
  std::vector<const char*> pointers;
  for (const std::string& text : texts) {
    const bool zero = text.find('\0') != std::string::npos;
    if (zero || !is_utf8(text))
      throw ConfigError(message(writing->function, ": element ", quoted(path_of(name)),
                                ": the text ", quoted(text.c_str()),
                                zero ? " goes on after a zero byte" : " is not UTF-8",
                                ", which no AnnData file can hold"));
    pointers.push_back(text.c_str());
  }
  make_way(name);
  const Handle creation(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_obj_track_times(creation, false);
  const Handle type(text_type()), link(detail::link_creation());
  const Handle space(
      detail::space_of(scalar ? std::vector<size_t>{} : std::vector<size_t>{texts.size()}));
  Handle out(H5Dcreate2(id, name.c_str(), type, space, link, creation, H5P_DEFAULT));
  check(hid_t(out), name);
  if (!texts.empty())
    check(H5Dwrite(out, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()), name);
  return out;
}

/// Gives an attribute to an object.
inline void OutputGroup::attribute(hid_t object, const char* name, hid_t type,
                                   const std::vector<size_t>& shape, const void* values) const {
  const Handle space(detail::space_of(shape));
  const Handle out(H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT));
  check(hid_t(out), name);
  if (shape.empty() || shape[0]) check(H5Awrite(out, type, values), name);
}

/// Gives text to an object as an attribute.
inline void OutputGroup::attribute(hid_t object, const char* name, const std::string& text) const {
  const char* pointer = text.c_str();
  attribute(object, name, text_type(), {}, &pointer);
}

/// Gives a list of texts to an object as an attribute.
inline void OutputGroup::attribute(hid_t object, const char* name,
                                   const std::vector<std::string>& texts) const {
  std::vector<const char*> pointers;
  for (const std::string& text : texts) pointers.push_back(text.c_str());
  attribute(object, name, text_type(), {texts.size()}, pointers.data());
}

}  // namespace hdf5
VCELL_END_NAMESPACE
