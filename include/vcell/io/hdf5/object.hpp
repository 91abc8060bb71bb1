#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "vcell/core/error.hpp"
#include "vcell/core/machine_memory.hpp"
#include "vcell/io/hdf5/check_header.hpp"
#include "vcell/io/hdf5/global_heap.hpp"
#include "vcell/io/hdf5/lzf_filter.hpp"
#include "vcell/io/utf8.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {

/// What reading one file needs everywhere: names for messages, and limits that keep a damaged or
/// hostile file from taking more memory or time than its size can justify.
struct Reading {
  const char* function = "";  ///< the public function at work
  std::string file;           ///< path, for messages
  size_t file_bytes = 0;
  double stored_bytes = 0;  ///< read so far; reading the same bytes again and again adds up here
  double spare_bytes = double(64 << 20);  ///< memory that any file may ask for, however small
  size_t objects = 0;                     ///< opened so far
  double text_bytes = 0;                  ///< of variable length, read so far
  /// Bytes that its arrays may take in all; 0: what open_file grants by the file's size.
  size_t budget = 0;
  double taken = 0;  ///< of the budget, so far
  std::vector<std::string>* warnings = nullptr;
  /// Called while much is read, again and again; what it throws ends the reading.
  std::function<void()> watch = {};
  RawFile raw;
  GlobalHeap heap;
  RawReferences raw_references;

  /// Links can form cycles; no sensible file reaches these.
  static constexpr size_t most_objects = 1'000'000, deepest = 32;
};

/// An element that is no damage and that vcell cannot read: a link to nothing or out of the file, a
/// named type, data kept in another file, a filter that is not there. Among unstructured values it
/// costs itself alone.
struct OddElement : FormatError {
  using FormatError::FormatError;
};

/// One object of an open file: a group or a dataset.
struct Object {
  Reading* reading = nullptr;
  std::string path;  ///< "/" or "/obs/age"
  Handle id;
  size_t depth = 0;
  std::vector<haddr_t> way = {};  ///< where it lies, and the groups that lead to it, root first

  void watch() const {
    if (reading->watch) reading->watch();
  }
  /// Throws a FormatError that names the function, the file and the element.
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    throw FormatError(message(reading->function, ": file ", quoted(reading->file), ", element ",
                              quoted(path), ": ", parts...));
  }
  /// The same for what is odd and no damage.
  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    throw OddElement(message(reading->function, ": file ", quoted(reading->file), ", element ",
                             quoted(path), ": ", parts...));
  }
  template <class... Parts>
  void warn(const Parts&... parts) const {
    if (reading->warnings)
      reading->warnings->push_back(
          message("file ", quoted(reading->file), ", element ", quoted(path), ": ", parts...));
  }
  /// For the result of a call: fails with HDF5's own reason when it is negative.
  template <class Result>
  Result check(Result result, const char* what) const {
    if (result < 0) fail("cannot ", what, ": ", error_text());
    return result;
  }

  /// Takes memory out of the budget: filters that are not vcell's may expand without measure, and
  /// so may elements that become wider.
  /// @param kept     for as long as the file is read
  /// @param passing  beside it for a moment
  void take(double kept, double passing = 0) const {
    if (reading->taken + kept + passing > double(reading->budget))
      fail("needs ", uint64_t(std::min(kept + passing, 9e18)), " bytes of memory beside the ",
           uint64_t(reading->taken), " that the file has taken so far, and ", reading->budget,
           " are granted; if you trust the file, grant more by H5adReadOptions::budget, or leave ",
           "parts unread");
    if (kept > 0) reading->taken += kept;  // else several threads may be here
  }

  /// Accounts for memory about to be taken. Bytes that are stored justify `expansion` times as
  /// many in memory; what goes beyond comes out of the file's small spare allowance.
  void charge(double bytes, double stored, double expansion) const {
    stored = std::min(stored, double(reading->file_bytes));
    reading->stored_bytes += stored;
    reading->spare_bytes -= std::max(0.0, bytes - stored * expansion);
    if (reading->spare_bytes < 0)
      fail("its declared size needs ", bytes, " bytes, but the ", stored, " bytes that are stored ",
           "cannot hold so much; the file is damaged");
    if (reading->stored_bytes > 8.0 * double(reading->file_bytes))
      fail("the elements so far add up to more than the file holds; do links repeat them?");
  }

  /// The same for text: references may all lead to one long text.
  void charge_text(size_t bytes) const {
    take(double(bytes));
    reading->text_bytes += double(bytes);
    if (reading->text_bytes > 8.0 * double(reading->file_bytes))
      fail("its text adds up to more than the file holds; the file is damaged");
  }

  bool is_group() const { return H5Iget_type(id) == H5I_GROUP; }
  bool is_dataset() const { return H5Iget_type(id) == H5I_DATASET; }

  std::string path_of(const std::string& name) const {
    return path == "/" ? "/" + name : path + "/" + name;
  }
  void count_object() const;
  void check_header_at(haddr_t address) const;
  haddr_t check_header_of(hid_t place, const std::string& name, hid_t access,
                          H5L_type_t& type) const;
  void check_link(hid_t place, const std::string& name, H5L_type_t type, hid_t access) const;
  bool has(const std::string& name) const;
  Object open(const std::string& name) const;
  std::vector<std::string> names() const;
};

/// Whether a group has a child of this name. A name with slashes is a way through groups, each of
/// which must be there, and is checked, before HDF5 looks into it.
inline bool Object::has(const std::string& name) const {
  const size_t slash = name.find('/');
  if (H5Lexists(id, name.substr(0, slash).c_str(), H5P_DEFAULT) <= 0) return false;
  return slash == name.npos || open(name.substr(0, slash)).has(name.substr(slash + 1));
}

/// Checks the stored header of this object, which a name leads to, before HDF5 trusts it. A hard
/// link tells where the header is; for the root and other links HDF5 has to read it first.
/// @param type  set to what the name is: a hard link, or one by a path
/// @return where the header is
inline haddr_t Object::check_header_of(hid_t place, const std::string& name, hid_t access,
                                       H5L_type_t& type) const {
  haddr_t address = 0;
#if H5_VERSION_GE(1, 12, 0)
  H5L_info2_t link = {};
  if (name != "/") check(H5Lget_info2(place, name.c_str(), &link, access), "find it");
  H5O_token_t token = link.u.token;
  if (name == "/" || link.type != H5L_TYPE_HARD) {
    check_link(place, name, link.type, access);
    H5O_info2_t info;
    check(H5Oget_info_by_name3(place, name.c_str(), &info, H5O_INFO_BASIC, access), "find it");
    token = info.token;
  }
  check(H5VLnative_token_to_addr(place, token, &address), "find it");
#else
  H5L_info_t link = {};
  if (name != "/") check(H5Lget_info(place, name.c_str(), &link, access), "find it");
  address = link.u.address;
  if (name == "/" || link.type != H5L_TYPE_HARD) {
    check_link(place, name, link.type, access);
    H5O_info_t info;
    check(H5Oget_info_by_name2(place, name.c_str(), &info, H5O_INFO_BASIC, access), "find it");
    address = info.addr;
  }
#endif
  check_header_at(address);
  type = name == "/" ? H5L_TYPE_HARD : link.type;
  return address;
}

/// Checks a stored header before HDF5 trusts it.
inline void Object::check_header_at(haddr_t address) const {
  try {
    check_header(reading->raw, address);
  } catch (const Damage& damage) {
    fail(damage.what, "; ", damage.verdict);
  }
}

/// Counts this object among those that were opened.
inline void Object::count_object() const {
  if (++reading->objects > Reading::most_objects || depth > Reading::deepest)
    fail("groups nested deeper than ", Reading::deepest, " or more than ", Reading::most_objects,
         " elements; are there links in a circle?");
}

/// Refuses a link that leads to nothing in this file.
inline void Object::check_link(hid_t place, const std::string& name, H5L_type_t type,
                               hid_t access) const {
  if (name == "/") return;
  if (type == H5L_TYPE_SOFT && H5Oexists_by_name(place, name.c_str(), access) <= 0)
    refuse("is a link to nothing");
  if (type != H5L_TYPE_SOFT)
    refuse("is a link out of this file, which is not followed; copy what it leads to into it");
}

/// Opens a child of a group. Links into other files are refused.
/// @throws FormatError if there is none or it cannot be opened
inline Object Object::open(const std::string& name) const {
  if (!has(name)) fail("has no ", quoted(name), ", which was expected; it has ", list_of(names()));
  if (const size_t slash = name.find('/'); slash != name.npos)  // each group on the way is checked
    return open(name.substr(0, slash)).open(name.substr(slash + 1));
  const Handle access(H5Pcreate(H5P_LINK_ACCESS));
  const auto refuse = [](const char*, const char*, const char*, const char*, unsigned*, hid_t,
                         void*) -> herr_t { return -1; };
  H5Pset_elink_cb(access, refuse, nullptr);
  Object child{reading, path_of(name), {}, depth + 1, way};
  child.count_object();
  H5L_type_t link = H5L_TYPE_HARD;
  const haddr_t place = child.check_header_of(id, name, access, link);
  if (std::find(way.begin(), way.end(), place) != way.end())
    child.fail("is a group that it lies in itself: there are links in a circle");
  child.way.push_back(place);
  child.id = Handle(H5Oopen(id, name.c_str(), access));
  child.check(hid_t(child.id), "open");
  if (!child.is_group() && !child.is_dataset())
    child.refuse("is a named type, expected a group or a dataset");
  if (link != H5L_TYPE_HARD) child.warn("is a link, read as a copy of what it leads to");
  return child;
}

/// The names of a group's children, sorted.
inline std::vector<std::string> Object::names() const {
  std::vector<std::string> out;
  hsize_t position = 0;
  const auto add = [](hid_t, const char* name, const H5L_info_t*, void* data) -> herr_t {
    auto& list = *static_cast<std::vector<std::string>*>(data);
    list.emplace_back(name);
    return list.size() > Reading::most_objects ? -1 : 0;
  };
  check(H5Literate(id, H5_INDEX_NAME, H5_ITER_NATIVE, &position, add, &out), "list the group");
  for (const std::string& name : out) {
    if (!is_utf8(name)) fail("the name of its member ", quoted(name), " is not UTF-8");
    if (name.empty() || name == "." || name.find('/') != name.npos)
      fail("the name of its member ", quoted(name), " cannot be one; the file is damaged");
  }
  std::sort(out.begin(), out.end());
  return out;
}

/// The latest version of a superblock that this HDF5 knows.
constexpr int newest_superblock = 3;

/// The version of a file's superblock (section II.A), which lies at 0, 512, 1024, 2048, ...; 0
/// where there is none.
template <class = void>
int superblock_version(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  for (std::streamoff at = 0; in.seekg(at); at = at ? 2 * at : 512) {
    char start[9] = {};
    if (!in.read(start, sizeof start)) return 0;
    if (std::string_view(start, 8) == "\x89HDF\r\n\x1a\n") return uint8_t(start[8]);
  }
  return 0;
}

/// Opens a file for reading and returns its root.
/// @throws IoError if there is no such file or it cannot be read, FormatError if it is not HDF5
template <class = void>
Object open_file(const std::filesystem::path& path, Reading& reading) {
  reading.file = path.string();
  const auto prefix = message(reading.function, ": file ", quoted(reading.file), " ");
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) throw IoError(message(prefix, "does not exist"));
  if (std::filesystem::is_directory(status))
    throw FormatError(message(prefix,
                              "is a folder, expected an HDF5 file; for a zarr store, write "
                              "it with write_h5ad of Python's anndata"));
  if (!std::filesystem::is_regular_file(status))
    throw FormatError(message(prefix, "is a device or a pipe, expected an HDF5 file"));
  reading.file_bytes = std::filesystem::file_size(path, error);
  if (error || !std::ifstream(path))
    throw IoError(message(prefix, "cannot be opened; may you read it?"));
  if (H5Fis_hdf5(reading.file.c_str()) <= 0)
    throw FormatError(message(prefix, "is no HDF5 file (", reading.file_bytes,
                              " bytes); is it cut ", "short, or in another format?"));
  register_lzf_filter();
  // Every chunk is read once, so a cache of them has no use; and what HDF5 puts into it has the
  // size that the file says, whatever the shape is.
  const Handle access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_cache(access, 0, 0, 0, 0);
  H5Pset_fapl_sec2(access);  // whose descriptor RawFile reads from
  const Handle file(H5Fopen(reading.file.c_str(), H5F_ACC_RDONLY, access));
  if (!file.valid()) {
    const std::string reason = error_text();
    if (const int version = superblock_version(reading.file); version > newest_superblock)
      throw FormatError(message(
          prefix, "is of version ", version, " of the format, and this HDF5 (", library_version(),
          ") knows up to ", newest_superblock,
          "; write it again for an older HDF5 (h5py: libver='v110'), or use ", "a newer one"));
    throw IoError(message(prefix, "cannot be opened: ", reason));
  }
  reading.raw = RawFile(file);
  reading.file_bytes = size_t(reading.raw.size());
  if (reading.budget == 0) {
    double granted = std::max(double(size_t(1) << 30), 64.0 * double(reading.file_bytes));
    granted = vcell::detail::lesser(granted, vcell::detail::machine_memory());
    reading.budget = size_t(std::min(granted, 9e18));
  }
  Object root{&reading, "/", Handle(H5Gopen2(file, "/", H5P_DEFAULT)), 0};
  root.check(hid_t(root.id), "open");
  H5L_type_t link = H5L_TYPE_HARD;
  root.way.push_back(root.check_header_of(file, "/", H5P_DEFAULT, link));
  return root;
}

/// Refuses what was read of a file that another program wrote to meanwhile: parts of it may be of
/// before and others of after. A file that was put in its place does no harm.
/// @param root  of the file, which is still open
/// @throws IoError
template <class = void>
void check_unchanged(const Object& root) {
  const Reading& reading = *root.reading;
  if (!reading.raw.unchanged())
    throw IoError(message(reading.function, ": file ", quoted(reading.file),
                          " was changed while it was read; read it again when it is whole"));
}

}  // namespace hdf5
VCELL_END_NAMESPACE
