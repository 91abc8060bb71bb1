#pragma once

#include <string_view>
#include <vector>

#include "vcell/io/hdf5/raw_file.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {
namespace detail {

/// The heap of names of a group in the oldest format (section III.D of the specification).
class NameHeap {
 public:
  NameHeap(RawFile& file, uint64_t address) {
    const auto bytes = file.read(address, 8 + 2 * file.length_size + file.address_size);
    Cursor head{{bytes.data(), bytes.size()}};
    if (head.take(5) != std::string_view("HEAP\0", 5))
      throw Damage{"a heap of names does not begin as one"};
    head.take(3);
    const uint64_t size = head.number(file.length_size);
    head.take(file.length_size);
    names_ = file.read(head.number(file.address_size), size);
  }

  /// @throws Damage if no name that ends begins there
  void check(uint64_t offset) const {
    const std::string_view names(names_.data(), names_.size());
    if (offset >= names.size() || names.find('\0', size_t(offset)) == names.npos)
      throw Damage{"a name is not where the file says it is"};
  }

 private:
  std::vector<char> names_;
};

/// A tree of groups' entries (section III.A.1) and its leaves (III.B): every name must be there.
template <class = void>
void check_entries(RawFile& file, const NameHeap& names, uint64_t address, int depth) {
  if (depth > 16) throw Damage{"a group's tree is too deep"};
  const auto start = file.read(address, 8);
  Cursor head{{start.data(), start.size()}};
  const std::string_view signature = head.take(4);
  if (signature == "SNOD") {
    head.take(2);
    const uint64_t count = head.number(2);
    const auto bytes = file.read(address + 8, count * (file.length_size + file.address_size + 24));
    Cursor entries{{bytes.data(), bytes.size()}};
    for (uint64_t i = 0; i < count; ++i) {
      names.check(entries.number(file.length_size));
      entries.take(file.address_size);
      const uint64_t kind = entries.number(4);
      entries.take(4);
      const uint64_t target = entries.number(4);
      entries.take(12);
      if (kind == 2) names.check(target);  // a link by name
    }
    return;
  }
  if (signature != "TREE") throw Damage{"a group's tree does not begin as one"};
  head.take(2);
  const uint64_t count = head.number(2), pair = file.length_size + file.address_size;
  const auto bytes =
      file.read(address + 8 + 2 * file.address_size, count * pair + file.length_size);
  Cursor entries{{bytes.data(), bytes.size()}};
  names.check(entries.number(file.length_size));
  for (uint64_t i = 0; i < count; ++i) {
    check_entries(file, names, entries.number(file.address_size), depth + 1);
    names.check(entries.number(file.length_size));
  }
}

}  // namespace detail

/// The entries of a group in the oldest format (section IV.A.2.r): HDF5 follows its names without
/// looking for their ends.
/// @throws Damage
template <class = void>
void check_symbol_table(Cursor message, RawFile& file) {
  const uint64_t tree = message.number(file.address_size);
  const detail::NameHeap names(file, message.number(file.address_size));
  detail::check_entries(file, names, tree, 0);
}

}  // namespace hdf5
VCELL_END_NAMESPACE
