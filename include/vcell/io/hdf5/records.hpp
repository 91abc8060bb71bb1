#pragma once

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "vcell/io/hdf5/text.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {

/// Rows of a dataset whose elements are of a compound type, as they are stored: each is a record
/// with a value for every member.
struct Records {
  struct Member {
    std::string name;
    Handle type;
    size_t offset = 0, bytes = 0;  ///< where it lies in an element, as it is stored
  };
  const Object* object = nullptr;
  size_t count = 0, element_bytes = 0;
  std::vector<Member> members;
  std::vector<char> bytes;

  /// The values of a member, one after the other.
  void gather(const Member& member, char* to) const {
    for (size_t i = 0; i < count; ++i)
      std::memcpy(to + i * member.bytes, bytes.data() + i * element_bytes + member.offset,
                  member.bytes);
  }
};

template <class = void>
bool holds_records(const Object& object) {
  if (!object.is_dataset()) return false;
  const Handle type(H5Dget_type(object.id));
  return H5Tget_class(type) == H5T_COMPOUND;
}

/// The members of a compound type.
/// @throws FormatError if they do not lie within an element
template <class = void>
std::vector<Records::Member> members_of(const Dataset& d) {
  const size_t reference = d.object->reading->raw.reference_size();
  std::vector<Records::Member> out(size_t(H5Tget_nmembers(d.type)));
  for (unsigned i = 0; i < out.size(); ++i) {
    char* name = H5Tget_member_name(d.type, i);
    if (!name) d.object->fail("its member ", i, " has no name");
    out[i].name = name;
    H5free_memory(name);
    if (!is_utf8(out[i].name))
      d.object->fail("the name of its member ", quoted(out[i].name), " is not UTF-8");
    out[i].type = Handle(H5Tget_member_type(d.type, i));
    d.object->check(hid_t(out[i].type), "read a member's type");
    out[i].offset = H5Tget_member_offset(d.type, i);
    out[i].bytes = stored_size(out[i].type, reference);
  }
  // HDF5 tells offsets in memory, where text of variable length is a pointer; what follows it lies
  // further back in the file.
  std::vector<size_t> stored(out.size());
  for (size_t i = 0; i < out.size(); ++i) {
    stored[i] = out[i].offset;
    for (const Records::Member& before : out)
      if (before.offset < out[i].offset) stored[i] += before.bytes - H5Tget_size(before.type);
  }
  for (size_t i = 0; i < out.size(); ++i) {
    out[i].offset = stored[i];
    if (out[i].bytes > d.element_bytes || stored[i] > d.element_bytes - out[i].bytes)
      d.object->fail("its member ", quoted(out[i].name), " lies outside of its records");
  }
  return out;
}

namespace detail {

/// The type that HDF5 has to read records as for them to come as they are stored.
template <class = void>
Handle stored_records(const Dataset& d, const std::vector<Records::Member>& members) {
  Handle out(H5Tcreate(H5T_COMPOUND, d.element_bytes));
  for (const Records::Member& member : members) {
    const bool is_text = H5Tis_variable_str(member.type) > 0;
    if (!is_text && H5Tdetect_class(member.type, H5T_VLEN) > 0) continue;
    const Handle type(is_text ? H5Tcreate(H5T_OPAQUE, member.bytes) : H5Tcopy(member.type));
    d.object->check(H5Tinsert(out, member.name.c_str(), member.offset, type), "read its type");
  }
  return out;
}

}  // namespace detail

/// Reads some rows of a list of records.
/// @throws FormatError if it is no list of records, or cannot be read
template <class = void>
Records read_records(const Dataset& d, RowRange rows) {
  const Object& object = *d.object;
  if (d.null || H5Tget_class(d.type) != H5T_COMPOUND || d.shape.size() != 1)
    object.fail("holds ", d.null ? "nothing" : type_name(d.type), " of shape ", d.shape,
                ", expected records (a compound type) in one dimension");
  Records out{&object, d.count_of(rows), d.element_bytes, members_of(d), {}};
  object.take(0, double(out.count) * double(out.element_bytes));
  out.bytes.assign(out.count * out.element_bytes, 0);
  if (out.count == 0) return out;
  if (!d.address) {  // some may never have been written
    const Handle creation(H5Dget_create_plist(object.id));
    H5D_fill_value_t fill = H5D_FILL_VALUE_UNDEFINED;
    H5Pfill_value_defined(creation, &fill);
    if (fill == H5D_FILL_VALUE_USER_DEFINED)
      object.refuse("has a fill value of its own, which records are not read with");
  }
  if (d.read_here()) {
    const RowPiece piece{rows, out.bytes.data()};
    read_stored(d, {&piece, 1});
    return out;
  }
  std::fill(out.bytes.begin(), out.bytes.end(), '\0');
  detail::read_piece(d, rows, detail::stored_records(d, out.members), out.bytes.data());
  return out;
}

/// A member's numbers, of shape (rows) or, where each record holds an array of them, (rows, ...);
/// nothing where it holds none.
template <class = void>
std::optional<Array> member_numbers(const Records& records, const Records::Member& member) {
  const Object& object = *records.object;
  std::vector<size_t> shape{records.count};
  Handle type(H5Tcopy(member.type));
  if (H5Tget_class(type) == H5T_ARRAY) {
    std::vector<hsize_t> extents(
        size_t(object.check(H5Tget_array_ndims(type), "read a member's rank")));
    object.check(H5Tget_array_dims2(type, extents.data()), "read a member's shape");
    shape.insert(shape.end(), extents.begin(), extents.end());
    type = Handle(H5Tget_super(type));
  }
  const auto dtype = dtype_of_type(type);
  if (!dtype) return {};
  const size_t count = count_of(object, shape);
  if (count * size_of(*dtype) != records.count * member.bytes)
    object.fail("its member ", quoted(member.name), " has another size than its type");
  object.take(double(count) * double(size_of(*dtype)));
  Numbers out(*dtype, count);
  records.gather(member, reinterpret_cast<char*>(out.bytes().data()));
  if (*dtype == DType::boolean) {
    for (uint8_t flag : out.values<uint8_t>())
      if (flag > 1)
        object.fail("its member ", quoted(member.name), " holds ", int(flag),
                    ", expected 0 or 1 (FALSE or TRUE)");
  } else if (count) {
    object.check(
        H5Tconvert(type, memory_type(*dtype), count, out.bytes().data(), nullptr, H5P_DEFAULT),
        "convert a member");
  }
  return Array{std::move(shape), std::move(out)};
}

/// A member's texts; nothing where it holds none.
template <class = void>
std::optional<std::vector<std::string>> member_texts(const Records& records,
                                                     const Records::Member& member) {
  if (H5Tget_class(member.type) != H5T_STRING) return {};
  return detail::read_texts(*records.object, member.type, records.count, [&](hid_t, void* to) {
    records.gather(member, static_cast<char*>(to));
  });
}

}  // namespace hdf5
VCELL_END_NAMESPACE
