#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/io/hdf5/handle.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {

/// Thrown while stored structures are looked at; whoever knows the element makes an error of it.
struct Damage {
  const char* what;
};

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
/// looks first. Structures are those of the HDF5 File Format Specification, version 3.0.
class RawFile {
 public:
  RawFile() = default;
  RawFile(hid_t file, const std::string& path) : in_(path, std::ios::binary) {
    const Handle creation(H5Fget_create_plist(file));
    H5Pget_userblock(creation, &base_);
    H5Pget_sizes(creation, &address_size, &length_size);
    in_.seekg(0, std::ios::end);
    size_ = in_ ? uint64_t(in_.tellg()) : 0;
  }

  size_t address_size = 8, length_size = 8;  ///< bytes of a stored address, of a stored length
  /// Bytes of a stored reference to text of variable length: a length, an address and a number.
  size_t reference_size() const { return 4 + address_size + 4; }
  uint64_t size() const { return size_; }

  /// @throws Damage if n bytes from there do not all lie in the file
  void check(uint64_t address, uint64_t n) const {
    if (base_ > size_ || address > size_ - base_ || n > size_ - base_ - address)
      throw Damage{"a stored address leads out of the file"};
  }

  /// @throws Damage if they do not all lie in the file
  std::vector<char> read(uint64_t address, uint64_t n) {
    check(address, n);
    std::vector<char> out(static_cast<size_t>(n));
    in_.clear();
    in_.seekg(std::streamoff(base_ + address));
    if (!in_.read(out.data(), std::streamsize(n))) throw Damage{"the file cannot be read"};
    return out;
  }

 private:
  std::ifstream in_;
  hsize_t base_ = 0;
  uint64_t size_ = 0;
};

}  // namespace hdf5
VCELL_END_NAMESPACE
