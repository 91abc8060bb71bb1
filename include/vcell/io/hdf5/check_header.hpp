#pragma once

#include "vcell/io/hdf5/check_datatype.hpp"
#include "vcell/io/hdf5/check_symbol_table.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {
namespace detail {

/// An attribute (section IV.A.2.m): its name, type, shape and value must all fit into it.
template <class = void>
void check_attribute(Cursor cursor, const RawFile& file) {
  const uint64_t version = cursor.number(1), flags = cursor.number(1);
  if (version < 1 || version > 3) throw Damage{"an attribute is of an unknown version"};
  if (version > 1 && flags) throw Damage{"an attribute borrows its type, which is not supported"};
  const uint64_t name = cursor.number(2), type = cursor.number(2), space = cursor.number(2);
  if (version == 3) cursor.take(1);
  const auto padded = [&](uint64_t n) { return version == 1 ? (n + 7) / 8 * 8 : n; };
  if (cursor.take(padded(name)).substr(0, size_t(name)).find('\0') + 1 != name)
    throw Damage{"the name of an attribute has no end"};
  Cursor stored_type{cursor.take(padded(type)).substr(0, size_t(type))};
  Cursor stored_space{cursor.take(padded(space)).substr(0, size_t(space))};
  const double element = double(check_datatype(stored_type, file.reference_size()));
  if (element * check_dataspace(stored_space, file.length_size) > double(cursor.bytes.size()))
    throw Damage{"the value of an attribute is cut short"};
}

/// How a dataset is laid out (section IV.A.2.i): all there, and no chunk without elements.
template <class = void>
void check_layout(Cursor cursor, const RawFile& file) {
  const uint64_t version = cursor.number(1);
  if (version < 1 || version > 4) throw Damage{"a layout is of an unknown version"};
  const auto check_chunk = [&](uint64_t rank, size_t bytes) {
    if (rank < 1 || rank > 33) throw Damage{"a chunk has an impossible rank"};
    for (uint64_t i = 0; i < rank; ++i)
      if (cursor.number(bytes) == 0) throw Damage{"a chunk has no elements"};
  };
  if (version < 3) {
    const uint64_t rank = cursor.number(1), kind = cursor.number(1);
    cursor.take(5);
    if (kind > 0) cursor.take(file.address_size);
    if (kind == 2) return check_chunk(rank, 4);
    cursor.take(4 * rank);
    if (kind == 0) cursor.take(cursor.number(4));
    return;
  }
  const uint64_t kind = cursor.number(1);
  if (kind == 0) {
    cursor.take(cursor.number(2));
  } else if (kind == 1) {
    cursor.take(file.address_size + file.length_size);
  } else if (kind == 2 && version == 3) {
    const uint64_t rank = cursor.number(1);
    cursor.take(file.address_size);
    check_chunk(rank, 4);
  } else if (kind == 2) {
    cursor.take(1);
    const uint64_t rank = cursor.number(1), bytes = cursor.number(1);
    if (bytes < 1 || bytes > 8) throw Damage{"a chunk has an impossible size"};
    check_chunk(rank, size_t(bytes));
  }
}

/// The filters of a dataset (section IV.A.2.l).
template <class = void>
void check_filters(Cursor cursor) {
  const uint64_t version = cursor.number(1), count = cursor.number(1);
  if (version < 1 || version > 2 || count > 32) throw Damage{"a list of filters is impossible"};
  if (version == 1) cursor.take(6);
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t number = cursor.number(2);
    const uint64_t name = version == 1 || number >= 256 ? cursor.number(2) : 0;
    cursor.take(2);
    const uint64_t values = cursor.number(2);
    const std::string_view text = cursor.take(version == 1 ? (name + 7) / 8 * 8 : name);
    if (name && text.find('\0') == text.npos) throw Damage{"the name of a filter has no end"};
    cursor.take(4 * values + (version == 1 && values % 2 ? 4 : 0));
  }
}

/// The value of elements that were never written (section IV.A.2.f), or its older form.
template <class = void>
void check_fill_value(Cursor cursor, bool old) {
  if (!old) {
    const uint64_t version = cursor.number(1);
    if (version < 1 || version > 3) throw Damage{"a fill value is of an unknown version"};
    const uint64_t flags = cursor.number(1);
    if (version == 3 && !(flags & 32)) return;
    if (version < 3) {
      cursor.take(1);
      if (cursor.number(1) == 0 && version == 2) return;
    }
  }
  const uint64_t size = cursor.number(4);
  if (size != 0xffffffff) cursor.take(size);  // all ones: none
}

template <class = void>
void check_message(uint64_t kind, uint64_t flags, Cursor data, RawFile& file) {
  const bool described =
      kind == 1 || kind == 3 || kind == 4 || kind == 5 || kind == 11 || kind == 12;
  if (flags & 2) {  // the description lies elsewhere, where it is not checked
    if (described) throw Damage{"it borrows a description, which is not supported"};
    return;
  }
  switch (kind) {
    case 1:
      check_dataspace(data, file.length_size);
      break;
    case 3:
      check_datatype(data, file.reference_size());
      break;
    case 4:
      check_fill_value(data, true);
      break;
    case 5:
      check_fill_value(data, false);
      break;
    case 8:
      check_layout(data, file);
      break;
    case 11:
      check_filters(data);
      break;
    case 12:
      check_attribute(data, file);
      break;
    case 17:
      check_symbol_table(data, file);
      break;
    default:
      break;
  }
}

}  // namespace detail

/// Checks the header of a stored object (section IV.A) before HDF5 opens it: releases up to 1.14 of
/// HDF5 read beyond a damaged header or divide by its zeros.
/// @throws Damage
template <class = void>
void check_header(RawFile& file, uint64_t address) {
  struct Block {
    uint64_t address, size;
  };
  std::vector<Block> blocks;
  bool second_version = false;
  uint64_t order_bytes = 0, messages_left = 0;
  const uint64_t at_most = std::min<uint64_t>(64, file.size());
  const auto start =
      file.read(address, std::min(at_most, file.size() - std::min(address, file.size())));
  Cursor head{{start.data(), start.size()}};
  if (head.bytes.starts_with("OHDR")) {
    second_version = true;
    head.take(4);
    if (head.number(1) != 2) throw Damage{"a header is of an unknown version"};
    const uint64_t flags = head.number(1);
    if (flags & 32) head.take(16);
    if (flags & 16) head.take(4);
    if (flags & 4) order_bytes = 2;
    const uint64_t size = head.number(size_t(1) << (flags & 3));
    blocks.push_back({address + (start.size() - head.bytes.size()), size});
  } else {
    if (head.number(1) != 1) throw Damage{"a header is of an unknown version"};
    head.take(1);
    messages_left = head.number(2);
    head.take(4);
    blocks.push_back({address + 16, head.number(4)});
  }
  uint64_t all = 0;
  for (size_t i = 0; i < blocks.size(); ++i) {
    const auto bytes = file.read(blocks[i].address, blocks[i].size);
    if ((all += bytes.size()) > file.size()) throw Damage{"a header goes on in a circle"};
    Cursor block{{bytes.data(), bytes.size()}};
    if (second_version && i > 0) {
      if (block.take(4) != "OCHK") throw Damage{"a header does not go on where it says"};
      if (block.bytes.size() < 4) throw Damage{"a stored structure is cut short"};
      block.bytes.remove_suffix(4);  // the checksum, which HDF5 looks at
    }
    const size_t message_head = second_version ? 4 + size_t(order_bytes) : 8;
    while (block.bytes.size() >= message_head) {
      const uint64_t kind = block.number(second_version ? 1 : 2), size = block.number(2);
      const uint64_t flags = block.number(1);
      block.take(second_version ? order_bytes : 3);
      Cursor data{block.take(size)};
      if (!second_version && messages_left-- == 0) throw Damage{"a header has too many parts"};
      if (kind == 16 && !(flags & 2)) {
        const uint64_t next = data.number(file.address_size);
        blocks.push_back({next, data.number(file.length_size)});
      } else {
        detail::check_message(kind, flags, data, file);
      }
    }
  }
  if (messages_left != 0) throw Damage{"a header lacks some of its parts"};
}

}  // namespace hdf5
VCELL_END_NAMESPACE
