#pragma once

#include <utility>
#include <vector>

#include "vcell/io/hdf5/raw_file.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {
namespace detail {

/// The latest version of a stored datatype, and its last kind, that this HDF5 knows.
#if H5_VERSION_GE(2, 0, 0)
constexpr uint64_t newest_datatype = 5, last_kind = 11;
#elif H5_VERSION_GE(1, 12, 0)
constexpr uint64_t newest_datatype = 4, last_kind = 10;
#else
constexpr uint64_t newest_datatype = 3, last_kind = 10;
#endif

/// Takes a name up to and with its zero byte, and the padding to a multiple of eight bytes.
template <class = void>
void take_name(Cursor& cursor, bool padded) {
  const size_t end = cursor.bytes.find('\0');
  if (end == std::string_view::npos) throw Damage{"a name has no end"};
  cursor.take(padded ? (end + 8) / 8 * 8 : end + 1);
}

}  // namespace detail

/// Takes a stored datatype (section IV.A.2.d of the specification) off the front, checking that all
/// of it is there and that its parts fit into it.
/// @param reference_size  of text and sequences of variable length; HDF5 relies on it
/// @return bytes of one element
/// @throws Damage
template <class = void>
uint64_t check_datatype(Cursor& cursor, size_t reference_size, int depth = 0) {
  if (depth > 16) throw Damage{"a datatype is nested too deeply"};
  const uint64_t head = cursor.number(1), bits = cursor.number(3), size = cursor.number(4);
  const uint64_t kind = head & 15, version = head >> 4, members = bits & 0xffff;
  if (version > detail::newest_datatype)
    throw newer("a datatype", version, detail::newest_datatype);
  if (version < 1 || size == 0) throw Damage{"a datatype has an impossible head"};
  const auto numeric = [&](uint64_t properties, uint64_t most) {
    if (size > most) throw Damage{"a number has an impossible size"};
    const uint64_t offset = cursor.number(2), precision = cursor.number(2);
    if (precision == 0 || offset + precision > 8 * size)
      throw Damage{"the bits of a number lie outside of it"};
    cursor.take(properties - 4);
  };
  switch (kind) {
    case 0:
      numeric(4, 16);
      break;  // whole numbers
    case 1:
      numeric(12, 16);
      break;  // floating numbers
    case 2:
      cursor.take(2);
      break;  // time
    case 3:
      break;  // text of a fixed length
    case 4:
      numeric(4, 1 << 16);
      break;  // bits
    case 5:
      cursor.take(bits & 0xff);
      break;  // opaque, with a tag
    case 6:   // compound
      if (members == 0) throw Damage{"a compound type has no members"};
      for (uint64_t i = 0; i < members; ++i) {
        detail::take_name(cursor, version < 3);
        size_t offset_bytes = 4;
        if (version >= 3)
          offset_bytes = size < 1 << 8 ? 1 : size < 1 << 16 ? 2 : size < 1 << 24 ? 3 : 4;
        const uint64_t offset = cursor.number(offset_bytes);
        if (version == 1) cursor.take(28);
        if (offset + check_datatype(cursor, reference_size, depth + 1) > size)
          throw Damage{"a member lies outside of its compound type"};
      }
      break;
    case 7:
      break;   // reference
    case 8: {  // enumeration
      if (members == 0) throw Damage{"an enumeration has no members"};
      const uint64_t base = check_datatype(cursor, reference_size, depth + 1);
      if (base != size) throw Damage{"an enumeration does not fit its values"};
      for (uint64_t i = 0; i < members; ++i) detail::take_name(cursor, version < 3);
      cursor.take(members * base);
      break;
    }
    case 9:
      if (size != reference_size) throw Damage{"a variable length has an impossible size"};
      check_datatype(cursor, reference_size, depth + 1);
      break;    // variable length
    case 10: {  // array
      const uint64_t rank = cursor.number(1);
      if (rank == 0 || rank > 32) throw Damage{"an array type has an impossible rank"};
      if (version < 3) cursor.take(3);
      double count = 1;
      for (uint64_t i = 0; i < rank; ++i) count *= double(cursor.number(4));
      if (version < 3) cursor.take(4 * rank);
      if (count * double(check_datatype(cursor, reference_size, depth + 1)) != double(size))
        throw Damage{"an array type does not fit its elements"};
      break;
    }
    case 11:  // complex, of two numbers
      if (detail::last_kind >= 11 && 2 * check_datatype(cursor, reference_size, depth + 1) == size)
        break;
      [[fallthrough]];
    default:
      throw Damage{"a datatype is of an unknown kind"};
  }
  return size;
}

struct StoredShape {
  double count = 1;  ///< of elements, which may be beyond any memory
  uint64_t rank = 0;
  std::vector<uint64_t> most;  ///< extents that it may grow to, all ones for no limit
};

/// Takes a stored shape (section IV.A.2.b) off the front.
/// @throws Damage
template <class = void>
StoredShape check_dataspace(Cursor& cursor, size_t length_size) {
  const uint64_t version = cursor.number(1), rank = cursor.number(1), flags = cursor.number(1);
  const uint64_t kind = cursor.number(1);
  if (version == 1) cursor.take(4);
  if (version < 1 || version > 2 || rank > 32) throw Damage{"a shape has an impossible head"};
  double count = version == 2 && kind == 2 ? 0 : 1;
  std::vector<uint64_t> extents(static_cast<size_t>(rank));
  for (uint64_t& extent : extents) count *= double(extent = cursor.number(length_size));
  std::vector<uint64_t> most = extents;
  if (flags & 1)
    for (uint64_t& extent : most) extent = cursor.number(length_size);
  for (size_t i = 0; i < extents.size(); ++i)
    if (extents[i] > most[i]) throw Damage{"a shape is larger than it may become"};
  if (flags & 2 && version == 1) cursor.take(rank * length_size);
  return {count, rank, std::move(most)};
}

}  // namespace hdf5
VCELL_END_NAMESPACE
