#pragma once

#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/io/hdf5/handle.hpp"

namespace vcell::inline VCELL_ABI::hdf5 {

/// A little-endian number of up to eight bytes.
inline uint64_t little_endian(const char* bytes, size_t n) {
  uint64_t out = 0;
  for (size_t i = n; i-- > 0;) out = out << 8 | uint8_t(bytes[i]);
  return out;
}

/// The heap in which a file keeps texts of variable length (HDF5 File Format Specification 3.0,
/// III.E). It is read here rather than by HDF5, whose releases up to 1.12 follow damaged references
/// without a check: they crash, loop, or allocate what a damaged size asks for.
class GlobalHeap {
 public:
  GlobalHeap() = default;
  /// @param file  the open file
  /// @param path  where it is, to be read beside HDF5
  GlobalHeap(hid_t file, const std::string& path) : in_(path, std::ios::binary) {
    const Handle creation(H5Fget_create_plist(file));
    H5Pget_userblock(creation, &base_);
    H5Pget_sizes(creation, &address_size_, &length_size_);
    in_.seekg(0, std::ios::end);
    file_bytes_ = uint64_t(in_.tellg());
  }

  /// Bytes of a stored reference: a length, an address and a number.
  size_t reference_size() const { return 4 + address_size_ + 4; }

  /// The text that a stored reference means; nothing when it leads nowhere.
  std::optional<std::string_view> text(const char* reference) {
    const uint64_t length = little_endian(reference, 4);
    const uint64_t address = little_endian(reference + 4, address_size_);
    const auto number = size_t(little_endian(reference + 4 + address_size_, 4));
    if (address == 0 || length == 0) return "";
    const Collection* collection = collection_at(address);
    if (!collection) return {};
    const auto found = collection->objects.find(number);
    if (found == collection->objects.end() || length > found->second.size()) return {};
    return found->second.substr(0, size_t(length));
  }

 private:
  /// One piece of the heap, with its objects by number.
  struct Collection {
    std::vector<char> bytes;
    std::map<size_t, std::string_view> objects;
  };

  const Collection* collection_at(uint64_t address) {
    const auto known = collections_.find(address);
    if (known != collections_.end()) return &known->second;
    constexpr size_t most_kept = size_t(64) << 20;
    if (kept_bytes_ > most_kept) {
      collections_.clear();
      kept_bytes_ = 0;
    }
    auto collection = read_collection(address);
    if (!collection) return nullptr;
    kept_bytes_ += collection->bytes.size();
    return &collections_.emplace(address, std::move(*collection)).first->second;
  }

  std::optional<Collection> read_collection(uint64_t address) {
    const size_t head = 8 + length_size_;  // signature, version, size of the collection
    std::vector<char> start(head);
    if (!read_at(address, start) || std::memcmp(start.data(), "GCOL\1", 5) != 0) return {};
    const uint64_t size = little_endian(start.data() + 8, length_size_);
    if (size < head || size > file_bytes_) return {};
    Collection out{std::vector<char>(size_t(size)), {}};
    if (!read_at(address, out.bytes)) return {};
    const size_t object_head = 8 + length_size_;  // number, references, reserved, size
    for (size_t at = head; at + object_head <= out.bytes.size();) {
      const auto number = size_t(little_endian(out.bytes.data() + at, 2));
      const uint64_t length = little_endian(out.bytes.data() + at + 8, length_size_);
      if (number == 0) break;  // the free space at the end
      at += object_head;
      if (length > out.bytes.size() - at) return {};
      out.objects[number] = std::string_view(out.bytes.data() + at, size_t(length));
      at += (size_t(length) + 7) / 8 * 8;
    }
    return out;
  }

  bool read_at(uint64_t address, std::vector<char>& to) {
    if (base_ + address > file_bytes_ || to.size() > file_bytes_ - base_ - address) return false;
    in_.clear();
    in_.seekg(std::streamoff(base_ + address));
    return bool(in_.read(to.data(), std::streamsize(to.size())));
  }

  std::ifstream in_;
  hsize_t base_ = 0;
  size_t address_size_ = 8, length_size_ = 8;
  uint64_t file_bytes_ = 0;
  std::map<uint64_t, Collection> collections_;
  size_t kept_bytes_ = 0;
};

/// While it lives, HDF5 hands out references to text of variable length as they are stored: a
/// conversion of such text into opaque bytes that does nothing.
class RawReferences {
 public:
  RawReferences() : text_(H5Tcopy(H5T_C_S1)), bytes_(H5Tcreate(H5T_OPAQUE, 16)) {
    H5Tset_size(text_, H5T_VARIABLE);
    H5Tregister(H5T_PERS_SOFT, "stored references", text_, bytes_, keep);
  }
  RawReferences(const RawReferences&) = delete;
  RawReferences& operator=(const RawReferences&) = delete;
  ~RawReferences() { H5Tunregister(H5T_PERS_SOFT, "stored references", text_, bytes_, keep); }

 private:
  static herr_t keep(hid_t, hid_t, H5T_cdata_t* conversion, size_t, size_t, size_t, void*, void*,
                     hid_t) {
    if (conversion->command == H5T_CONV_INIT) conversion->need_bkg = H5T_BKG_NO;
    return 0;
  }
  Handle text_, bytes_;
};

}  // namespace vcell::inline VCELL_ABI::hdf5
