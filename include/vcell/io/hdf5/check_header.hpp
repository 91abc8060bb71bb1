#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/io/hdf5/check_datatype.hpp"
#include "vcell/io/hdf5/check_symbol_table.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {
namespace detail {

/// The latest version of a stored layout that this HDF5 knows.
#if H5_VERSION_GE(2, 0, 0)
constexpr uint64_t newest_layout = 5;
#else
constexpr uint64_t newest_layout = 4;
#endif

/// What the parts of a header say of each other; absent where none does, or where it is kept in the
/// file's table of shared descriptions, which is left to HDF5.
struct Header {
  std::optional<uint64_t> element_bytes, rank;
  std::vector<uint64_t> most, chunk;   ///< extents that the shape may grow to, and those of a chunk
  std::optional<uint64_t> places;      ///< for chunks, in an index that is a fixed array
  std::optional<uint64_t> chunk_tree;  ///< the address of an index that is a tree of version 1
  std::optional<uint64_t> one_piece;   ///< the address of data that lie in one piece
  std::optional<uint64_t> chunk_rank, chunk_element_bytes;  ///< of a dataset in chunks
};

template <class = void>
uint64_t named_type(RawFile& file, uint64_t address);

/// The bytes of an element of a type that is stored here or, where it is borrowed, elsewhere
/// (section IV.A.2, "Shared Message"); nothing where that is the table of shared descriptions.
template <class = void>
std::optional<uint64_t> check_type(Cursor cursor, bool borrowed, RawFile& file) {
  if (!borrowed) return check_datatype(cursor, file.reference_size());
  const uint64_t version = cursor.number(1), kind = cursor.number(1);
  if (version == 3 && kind == 1 && file.has_shared_table) return {};
  if (version < 2 || version > 3 || (version == 3 && kind != 2))
    throw Damage{"a type is borrowed in an unknown way"};
  return named_type(file, cursor.number(file.address_size));
}

/// The same for a shape, which only that table has for several.
template <class = void>
std::optional<StoredShape> check_shape(Cursor cursor, bool borrowed, const RawFile& file) {
  if (!borrowed) return check_dataspace(cursor, file.length_size);
  if (!file.has_shared_table) throw Damage{"a shape is borrowed, and nothing lends it"};
  return {};
}

/// An attribute (section IV.A.2.m): its name, type, shape and value must all fit into it.
template <class = void>
void check_attribute(Cursor cursor, RawFile& file) {
  const uint64_t version = cursor.number(1), flags = cursor.number(1);
  if (version > 3) throw newer("an attribute", version, 3);
  if (version < 1) throw Damage{"an attribute is of an unknown version"};
  const uint64_t borrowed = version > 1 ? flags : 0;
  const uint64_t name = cursor.number(2), type = cursor.number(2), space = cursor.number(2);
  if (version == 3) cursor.take(1);
  const auto padded = [&](uint64_t n) { return version == 1 ? (n + 7) / 8 * 8 : n; };
  if (cursor.take(padded(name)).substr(0, size_t(name)).find('\0') + 1 != name)
    throw Damage{"the name of an attribute has no end"};
  const Cursor stored_type{cursor.take(padded(type)).substr(0, size_t(type))};
  const Cursor stored_space{cursor.take(padded(space)).substr(0, size_t(space))};
  const auto element = check_type(stored_type, borrowed & 1, file);
  const auto shape = check_shape(stored_space, borrowed & 2, file);
  if (element && shape && double(*element) * shape->count > double(cursor.bytes.size()))
    throw Damage{"the value of an attribute is cut short"};
}

/// How a dataset is laid out (section IV.A.2.i): all there, and no chunk without elements.
template <class = void>
void check_layout(Cursor cursor, const RawFile& file, Header& header) {
  const uint64_t version = cursor.number(1);
  if (version > newest_layout) throw newer("a layout", version, newest_layout);
  if (version < 1) throw Damage{"a layout is of an unknown version"};
  // The extents of a chunk, and as its last one the bytes of an element.
  const auto check_chunk = [&](uint64_t rank, size_t bytes) {
    if (rank < 2 || rank > 33) throw Damage{"a chunk has an impossible rank"};
    header.chunk_rank = rank - 1;
    for (uint64_t i = 0; i < rank; ++i) {
      header.chunk_element_bytes = cursor.number(bytes);
      header.chunk.push_back(*header.chunk_element_bytes);
      if (*header.chunk_element_bytes == 0) throw Damage{"a chunk has no elements"};
    }
  };
  if (version < 3) {
    const uint64_t rank = cursor.number(1), kind = cursor.number(1);
    cursor.take(5);
    const uint64_t address = kind > 0 ? cursor.number(file.address_size) : 0;
    if (kind == 2) {
      header.chunk_tree = address;
      return check_chunk(rank, 4);
    }
    if (kind == 1) header.one_piece = address;
    cursor.take(4 * rank);
    if (kind == 0) cursor.take(cursor.number(4));
    return;
  }
  const uint64_t kind = cursor.number(1);
  if (kind == 0) {
    cursor.take(cursor.number(2));
  } else if (kind == 1) {
    header.one_piece = cursor.number(file.address_size);
    cursor.take(file.length_size);
  } else if (kind == 2 && version == 3) {
    const uint64_t rank = cursor.number(1);
    header.chunk_tree = cursor.number(file.address_size);
    check_chunk(rank, 4);
  } else if (kind == 2) {
    cursor.take(1);
    const uint64_t rank = cursor.number(1), bytes = cursor.number(1);
    if (bytes < 1 || bytes > 8) throw Damage{"a chunk has an impossible size"};
    check_chunk(rank, size_t(bytes));
    constexpr uint64_t fixed_array = 3;
    if (cursor.number(1) != fixed_array) return;
    cursor.take(1);
    const uint64_t address = cursor.number(file.address_size);
    if (file.is_undefined(address)) return;  // nothing was written
    const auto stored = file.read(address, 8 + file.length_size);
    Cursor array{{stored.data(), stored.size()}};
    if (array.take(8).substr(0, 4) != "FAHD") throw Damage{"an index of chunks is none"};
    header.places = array.number(file.length_size);
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
void check_message(uint64_t kind, uint64_t flags, Cursor data, RawFile& file, Header& header) {
  const bool borrowed = flags & 2;
  switch (kind) {
    case 1:
      if (const auto shape = check_shape(data, borrowed, file)) {
        header.rank = shape->rank;
        header.most = shape->most;
      }
      return;
    case 3:
      header.element_bytes = check_type(data, borrowed, file);
      return;
    default:
      break;
  }
  if (borrowed) {  // from the table of shared descriptions: HDF5 looks it up, and refuses the rest
    if (!file.has_shared_table && (kind == 4 || kind == 5 || kind == 11 || kind == 12))
      throw Damage{"it borrows a description, and nothing lends it"};
    return;
  }
  switch (kind) {
    case 4:
      check_fill_value(data, true);
      break;
    case 5:
      check_fill_value(data, false);
      break;
    case 8:
      check_layout(data, file, header);
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

/// The parts of a header must agree: HDF5 walks over chunks of another rank without an end, or
/// beyond them.
template <class = void>
void check_agreement(const Header& h) {
  if (h.rank && h.chunk_rank && *h.rank != *h.chunk_rank)
    throw Damage{message("its chunks have ", *h.chunk_rank, " dimensions, expected ", *h.rank,
                         " as its shape has")};
  if (h.element_bytes && h.chunk_element_bytes && *h.element_bytes != *h.chunk_element_bytes)
    throw Damage{message("its chunks have elements of ", *h.chunk_element_bytes,
                         " bytes, expected ", *h.element_bytes, " as its type has")};
  if (!h.places || h.most.empty()) return;
  double chunks = 1;  // that the shape may come to have
  for (size_t i = 0; i < h.most.size(); ++i)
    chunks *= std::ceil(double(h.most[i]) / double(h.chunk[i]));
  if (chunks > double(*h.places))
    throw Damage{message("its index has places for ", *h.places, " chunks, expected ", chunks)};
}

/// Goes through the header of a stored object (section IV.A).
/// @param type_alone  it is of a named type, of which nothing but the type matters
template <class = void>
Header read_header(RawFile& file, uint64_t address, bool type_alone) {
  struct Block {
    uint64_t address, size;
  };
  Header header;
  std::vector<Block> blocks;
  bool second_version = false;
  uint64_t order_bytes = 0, messages_left = 0;
  const auto start = file.read(address, std::min<uint64_t>(64, file.left(address)));
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
      } else if (!type_alone || kind == 3) {
        if (type_alone && (flags & 2)) throw Damage{"a named type borrows its type"};
        check_message(kind, flags, data, file, header);
      }
    }
  }
  if (messages_left != 0) throw Damage{"a header lacks some of its parts"};
  return header;
}

/// The bytes of an element of a named type, whose header is there.
template <class>
uint64_t named_type(RawFile& file, uint64_t address) {
  const auto [known, is_new] = file.named_types.emplace(address, 0);
  if (is_new)  // 0 for as long as it is looked at: it must not borrow from itself
    known->second = read_header(file, address, true).element_bytes.value_or(0);
  if (known->second == 0) throw Damage{"a named type is none"};
  return known->second;
}

}  // namespace detail

/// Checks the header of a stored object (section IV.A) before HDF5 opens it: releases up to 1.14 of
/// HDF5 read beyond a damaged header or divide by its zeros.
/// @throws Damage
template <class = void>
void check_header(RawFile& file, uint64_t address) {
  detail::check_agreement(detail::read_header(file, address, false));
}

}  // namespace hdf5
VCELL_END_NAMESPACE
