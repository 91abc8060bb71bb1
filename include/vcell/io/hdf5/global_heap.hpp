#pragma once

#include <map>
#include <string_view>
#include <vector>

#include "vcell/io/hdf5/raw_file.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {

/// The heap in which a file keeps texts of variable length (section III.E of the specification). It
/// is read here rather than by HDF5, whose releases up to 1.12 follow damaged references without a
/// check: they crash, loop, or allocate what a damaged size asks for.
class GlobalHeap {
 public:
  /// The text that a stored reference means.
  /// @throws Damage if it leads nowhere
  std::string_view text(RawFile& file, std::string_view reference) {
    Cursor cursor{reference};
    const uint64_t length = cursor.number(4), address = cursor.number(file.address_size);
    const uint64_t number = cursor.number(4);
    if (address == 0 || length == 0) return "";
    const Collection& collection = collection_at(file, address);
    const auto found = collection.objects.find(number);
    if (found == collection.objects.end() || length > found->second.size())
      throw Damage{"a text is not where the file says it is"};
    return found->second.substr(0, size_t(length));
  }

 private:
  /// One piece of the heap, with its objects by number.
  struct Collection {
    std::vector<char> bytes;
    std::map<uint64_t, std::string_view> objects;
  };

  const Collection& collection_at(RawFile& file, uint64_t address) {
    const auto known = collections_.find(address);
    if (known != collections_.end()) return known->second;
    if (kept_bytes_ > size_t(64) << 20) {  // texts mostly lie in the order in which they are read
      collections_.clear();
      kept_bytes_ = 0;
    }
    Collection collection = read_collection(file, address);
    kept_bytes_ += collection.bytes.size();
    return collections_.emplace(address, std::move(collection)).first->second;
  }

  static Collection read_collection(RawFile& file, uint64_t address) {
    const auto head = file.read(address, 8 + file.length_size);
    Cursor start{{head.data(), head.size()}};
    if (start.take(5) != "GCOL\1") throw Damage{"a heap of texts does not begin as one"};
    start.take(3);
    const uint64_t size = start.number(file.length_size);
    if (size < head.size()) throw Damage{"a heap of texts has an impossible size"};
    Collection out{file.read(address, size), {}};
    Cursor rest{std::string_view(out.bytes.data(), out.bytes.size()).substr(head.size())};
    while (rest.bytes.size() >= 8 + file.length_size) {
      const uint64_t number = rest.number(2);
      rest.take(6);  // a count of references that nobody keeps, and padding
      const uint64_t length = rest.number(file.length_size);
      if (number == 0) {  // free space, whose length counts its own head
        if (length < 8 + file.length_size) throw Damage{"a heap of texts goes on in a circle"};
        rest.take(length - 8 - file.length_size);
        continue;
      }
      if (!out.objects.emplace(number, rest.take(length)).second)
        throw Damage{"a heap of texts names an object twice"};
      rest.take(std::min<uint64_t>((8 - length % 8) % 8, rest.bytes.size()));
    }
    return out;
  }

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

}  // namespace hdf5
VCELL_END_NAMESPACE
