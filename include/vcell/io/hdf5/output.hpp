#pragma once

#include <algorithm>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vcell/core/error.hpp"
#include "vcell/data/array.hpp"
#include "vcell/io/hdf5/output_chunks.hpp"
#include "vcell/io/hdf5/types.hpp"
#include "vcell/io/utf8.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {

/// What writing one file needs everywhere.
struct Writing {
  const char* function = "";  ///< the public function at work
  std::string file;           ///< path, for messages
  const bool* disk_failed = nullptr;
  ChunkPacker* packer = nullptr;         ///< compresses numbers, where its level is above 0
  size_t chunk_bytes = 0;                ///< of numbers, about
  std::optional<DType> index_type = {};  ///< of sparse matrices; none: as each says
  bool contiguous = false;               ///< sparse rows are counted before they are written

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
  Handle dataset(const std::string& name, hid_t type, hid_t space,
                 const std::vector<hsize_t>& chunk) const;
  OutputGroup group(const std::string& name) const;
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

/// For chunk_of: so many rows that they fill any chunk.
constexpr size_t unknown_rows = std::numeric_limits<size_t>::max();

/// Chunks of at most so many bytes: some of the rows, or where those are longer a part of one row,
/// and so on; so a chunk is a piece of the numbers as they lie in memory.
template <class = void>
std::vector<hsize_t> chunk_of(const std::vector<size_t>& shape, size_t element_bytes,
                              size_t bytes) {
  std::vector<hsize_t> chunk(shape.begin(), shape.end());
  size_t room = bytes / element_bytes;
  for (size_t i = shape.size(); i-- > 0;) {
    chunk[i] = std::clamp<size_t>(room, 1, std::max<size_t>(1, shape[i]));
    room /= std::max<size_t>(1, shape[i]);
  }
  return chunk;
}

/// How many bytes of each element are shuffled before they are compressed: those of whole numbers.
/// Sorted indices take a third to a half of the bytes then; logarithms of counts, whose values come
/// again and again, would take twice as many.
template <class = void>
size_t shuffled_bytes(DType dtype) {
  return dtype < DType::f16 ? size_of(dtype) : 1;
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

/// Makes a dataset, without times.
/// @param chunk  of its chunks, which are compressed where that is asked for; {}: in one piece
inline Handle OutputGroup::dataset(const std::string& name, hid_t type, hid_t space,
                                   const std::vector<hsize_t>& chunk) const {
  make_way(name);
  const Handle stored(H5Pcreate(H5P_DATASET_CREATE)), link(detail::link_creation());
  H5Pset_obj_track_times(stored, false);
  if (!chunk.empty()) {
    check(H5Pset_chunk(stored, int(chunk.size()), chunk.data()), name);
    if (const int level = writing->packer->level(); level > 0) {
      const auto dtype = dtype_of_type(type);
      if (dtype && detail::shuffled_bytes(*dtype) > 1) check(H5Pset_shuffle(stored), name);
      check(H5Pset_deflate(stored, unsigned(level)), name);
    }
  }
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
  const Handle type(text_type());
  const Handle space(
      detail::space_of(scalar ? std::vector<size_t>{} : std::vector<size_t>{texts.size()}));
  Handle out = dataset(name, type, space, {});
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
