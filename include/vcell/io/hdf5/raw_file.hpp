#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/io/hdf5/handle.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {

/// Thrown while stored structures are looked at; whoever knows the element makes an error of it.
struct Damage {
  std::string what;
  const char* verdict = "the file is damaged";
};

/// The release of HDF5 that is at work, "1.10.8".
template <class = void>
std::string library_version() {
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  return message(major, ".", minor, ".", release);
}

/// What is of a later version than the HDF5 that reads it knows: the same to a reader as damage.
template <class = void>
Damage newer(const char* what, uint64_t version, uint64_t newest) {
  return {message(what, " is of version ", version, ", and this HDF5 (", library_version(),
                  ") knows up to ", newest),
          "write the file again for an older HDF5 (h5py: libver='v110'), or use a newer one"};
}

/// Takes little-endian numbers and pieces off the front of some bytes.
struct Cursor {
  std::string_view bytes;

  /// @throws Damage if fewer than n bytes are left
  std::string_view take(uint64_t n) {
    if (n > bytes.size()) throw Damage{"a stored structure is cut short"};
    const std::string_view out = bytes.substr(0, size_t(n));
    bytes.remove_prefix(size_t(n));
    return out;
  }
  /// A number of n <= 8 bytes.
  uint64_t number(size_t n) {
    uint64_t out = 0;
    const std::string_view digits = take(n);
    for (size_t i = n; i-- > 0;) out = out << 8 | uint8_t(digits[i]);
    return out;
  }
};

/// The bytes of an open file, read beside HDF5: where its releases trust what is stored, vcell
/// looks first. They come through the descriptor that HDF5 has opened, so both see one file,
/// whatever becomes of its name. Structures are those of the HDF5 File Format Specification,
/// version 3.0.
class RawFile {
 public:
  RawFile() = default;
  /// @param file  opened by HDF5's driver sec2; it stays open for as long as this is used
  explicit RawFile(hid_t file) {
    const Handle creation(H5Fget_create_plist(file));
    H5Pget_userblock(creation, &base_);
    H5Pget_sizes(creation, &address_size, &length_size);
    unsigned tables = 0;
    if (H5Pget_shared_mesg_nindexes(creation, &tables) >= 0) has_shared_table = tables > 0;
    void* handle = nullptr;
    if (H5Fget_vfd_handle(file, H5P_DEFAULT, &handle) >= 0 && handle)
      descriptor_ = *static_cast<const int*>(handle);
    if (::fstat(descriptor_, &opened_) == 0) size_ = uint64_t(opened_.st_size);
  }

  size_t address_size = 8, length_size = 8;  ///< bytes of a stored address, of a stored length
  bool has_shared_table = false;             ///< of descriptions that several objects share
  /// Bytes of an element of the named types that were found sound, by where their headers are.
  std::map<uint64_t, uint64_t> named_types;
  /// Bytes of a stored reference to text of variable length: a length, an address and a number.
  size_t reference_size() const { return 4 + address_size + 4; }
  uint64_t size() const { return size_; }
  /// Whether an address says that there is nothing: all of its bits are set.
  bool is_undefined(uint64_t address) const {
    return address == ~uint64_t(0) >> (64 - 8 * address_size);
  }
  /// Where HDF5's addresses begin: behind a block of the user's.
  uint64_t base() const { return base_; }

  /// Whether the file has the size and the time of its last change that it was opened with.
  bool unchanged() const {
    struct stat now = {};
    return ::fstat(descriptor_, &now) == 0 && now.st_size == opened_.st_size &&
           last_change(now) == last_change(opened_);
  }

  /// Bytes from there to the end; 0 for an address beyond it.
  uint64_t left(uint64_t address) const {
    return base_ > size_ || address > size_ - base_ ? 0 : size_ - base_ - address;
  }

  /// @throws Damage if n bytes from there do not all lie in the file
  void check(uint64_t address, uint64_t n) const {
    if (n > left(address)) throw Damage{"a stored address leads out of the file"};
  }

  /// @throws Damage if they do not all lie in the file
  void read(uint64_t address, uint64_t n, char* to) const {
    check(address, n);
    for (uint64_t done = 0; done < n;) {
      const ssize_t got =
          ::pread(descriptor_, to + done, size_t(n - done), off_t(base_ + address + done));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) throw Damage{"the file cannot be read"};
      done += uint64_t(got);
    }
  }
  std::vector<char> read(uint64_t address, uint64_t n) const {
    check(address, n);
    std::vector<char> out(static_cast<size_t>(n));
    read(address, n, out.data());
    return out;
  }

 private:
  static std::pair<int64_t, int64_t> last_change(const struct stat& s) {
#ifdef __APPLE__
    return {s.st_mtimespec.tv_sec, s.st_mtimespec.tv_nsec};
#else
    return {s.st_mtim.tv_sec, s.st_mtim.tv_nsec};
#endif
  }

  int descriptor_ = -1;
  struct stat opened_ = {};
  hsize_t base_ = 0;
  uint64_t size_ = 0;
};

}  // namespace hdf5
VCELL_END_NAMESPACE
