#pragma once

#include <algorithm>
#include <map>
#include <string>
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
  /// The text that a stored reference means. It lasts until the next call.
  /// @throws Damage if it leads nowhere
  std::string_view text(RawFile& file, std::string_view reference) {
    Cursor cursor{reference};
    const uint64_t length = cursor.number(4), address = cursor.number(file.address_size);
    const uint64_t number = cursor.number(4);
    if (address == 0 || length == 0) return "";
    const Collection& collection = collection_at(file, address);
    const Piece* piece = collection.find(number);
    if (!piece || length > piece->length) throw Damage{"a text is not where the file says it is"};
    if (!collection.bytes.empty())
      return std::string_view(collection.bytes).substr(size_t(piece->offset), size_t(length));
    apart_.resize(size_t(length));
    file.read(address + piece->offset, length, apart_.data());
    return apart_;
  }

 private:
  /// Where an object of a collection lies in it.
  struct Piece {
    uint64_t number, offset, length;
  };
  /// One piece of the heap.
  struct Collection {
    std::string bytes;          // all of it, or none after a while
    std::vector<Piece> pieces;  // by number

    const Piece* find(uint64_t number) const {
      // Mostly they are numbered 1, 2, 3, ...
      if (number - 1 < pieces.size() && pieces[size_t(number - 1)].number == number)
        return &pieces[size_t(number - 1)];
      const auto found = std::lower_bound(pieces.begin(), pieces.end(), number,
                                          [](const Piece& p, uint64_t n) { return p.number < n; });
      return found == pieces.end() || found->number != number ? nullptr : &*found;
    }
  };

  /// A collection is read once. Texts mostly lie in the order in which they are read, so the bytes
  /// of those that were read are soon dropped; where their pieces lie is kept, and what is asked of
  /// them later is read by itself, in whatever order.
  const Collection& collection_at(RawFile& file, uint64_t address) {
    if (last_ && last_address_ == address) return *last_;
    auto known = collections_.find(address);
    if (known == collections_.end()) {
      if (kept_bytes_ > most_kept) {
        for (const uint64_t kept : kept_) std::string().swap(collections_[kept].bytes);
        kept_.clear();
        kept_bytes_ = 0;
      }
      known = collections_.emplace(address, read_collection(file, address)).first;
      kept_.push_back(address);
      kept_bytes_ += known->second.bytes.size();
    }
    last_ = &known->second;
    last_address_ = address;
    return *last_;
  }

  Collection read_collection(RawFile& file, uint64_t address) {
    const auto head = file.read(address, 8 + file.length_size);
    Cursor start{{head.data(), head.size()}};
    if (start.take(5) != "GCOL\1") throw Damage{"a heap of texts does not begin as one"};
    start.take(3);
    const uint64_t size = start.number(file.length_size);
    if (size < head.size()) throw Damage{"a heap of texts has an impossible size"};
    file.check(address, size);
    if ((read_bytes_ += size) > file.size()) throw Damage{"heaps of texts lie within each other"};
    Collection out;
    out.bytes.resize(size_t(size));
    file.read(address, size, out.bytes.data());
    Cursor rest{std::string_view(out.bytes).substr(head.size())};
    bool ascending = true;
    while (rest.bytes.size() >= 8 + file.length_size) {
      const uint64_t number = rest.number(2);
      rest.take(6);  // a count of references that nobody keeps, and padding
      const uint64_t length = rest.number(file.length_size);
      if (number == 0) {  // free space, whose length counts its own head
        if (length < 8 + file.length_size) throw Damage{"a heap of texts goes on in a circle"};
        rest.take(length - 8 - file.length_size);
        continue;
      }
      ascending &= out.pieces.empty() || out.pieces.back().number < number;
      out.pieces.push_back({number, size - rest.bytes.size(), length});
      rest.take(length);
      rest.take(std::min<uint64_t>((8 - length % 8) % 8, rest.bytes.size()));
    }
    if (!ascending) {
      const auto before = [](const Piece& a, const Piece& b) { return a.number < b.number; };
      std::sort(out.pieces.begin(), out.pieces.end(), before);
      const auto same = [](const Piece& a, const Piece& b) { return a.number == b.number; };
      if (std::adjacent_find(out.pieces.begin(), out.pieces.end(), same) != out.pieces.end())
        throw Damage{"a heap of texts names an object twice"};
    }
    return out;
  }

  static constexpr size_t most_kept = size_t(64) << 20;
  std::map<uint64_t, Collection> collections_;
  const Collection* last_ = nullptr;
  uint64_t last_address_ = 0;
  std::vector<uint64_t> kept_;  // whose bytes are in memory
  size_t kept_bytes_ = 0;
  uint64_t read_bytes_ = 0;  // of all collections
  std::string apart_;        // the last text that was read by itself
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
