#pragma once

#include <string>
#include <vector>

#include "vcell/io/hdf5/read_stored.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {
namespace detail {

/// A stored type with every variable-length text in it as its plain reference, and where in an
/// element these lie.
struct RawType {
  Handle type;
  std::vector<size_t> references;
};

/// @throws Damage if it holds sequences of variable length, whose parts cannot be looked at
template <class = void>
RawType raw_type(hid_t type, size_t reference_size) {
  if (H5Tdetect_class(type, H5T_VLEN) <= 0 && H5Tis_variable_str(type) <= 0 &&
      H5Tget_class(type) != H5T_COMPOUND && H5Tget_class(type) != H5T_ARRAY)
    return {Handle(H5Tcopy(type)), {}};
  if (H5Tis_variable_str(type) > 0) return {Handle(H5Tcreate(H5T_OPAQUE, reference_size)), {0}};
  if (H5Tget_class(type) == H5T_ARRAY) {
    const Handle base(H5Tget_super(type));
    const RawType inner = raw_type(base, reference_size);
    if (!inner.references.empty()) throw Damage{"it holds arrays of texts within its elements"};
    return {Handle(H5Tcopy(type)), {}};
  }
  if (H5Tget_class(type) != H5T_COMPOUND) throw Damage{"it holds sequences of variable length"};
  const auto members = unsigned(H5Tget_nmembers(type));
  std::vector<RawType> parts;
  size_t size = 0;
  for (unsigned i = 0; i < members; ++i) {
    const Handle member(H5Tget_member_type(type, i));
    parts.push_back(raw_type(member, reference_size));
    size += H5Tget_size(parts.back().type);
  }
  RawType out{Handle(H5Tcreate(H5T_COMPOUND, size)), {}};
  size_t offset = 0;
  for (unsigned i = 0; i < members; ++i) {
    char* name = H5Tget_member_name(type, i);
    H5Tinsert(out.type, name, offset, parts[i].type);
    H5free_memory(name);
    for (size_t reference : parts[i].references) out.references.push_back(offset + reference);
    offset += H5Tget_size(parts[i].type);
  }
  return out;
}

/// Follows every reference to text among `count` elements, as HDF5 will do without a check.
/// read(type, to) fetches the elements.
template <class Read>
void follow_references(const Object& object, hid_t type, size_t count, Read&& read) {
  const size_t reference_size = object.reading->raw.reference_size();
  const RawType raw = raw_type(type, reference_size);
  if (raw.references.empty() || count == 0) return;
  const size_t size = H5Tget_size(raw.type);
  object.take(0, double(count) * double(size));
  std::vector<char> bytes(count * size);
  object.check(read(hid_t(raw.type), bytes.data()), "read its data");
  for (size_t i = 0; i < count; ++i)
    for (size_t reference : raw.references)
      object.charge_text(
          object.reading->heap
              .text(object.reading->raw, {bytes.data() + i * size + reference, reference_size})
              .size());
}

/// Copies `count` elements of a type by way of memory. read(to) fetches them, write(from) puts
/// them.
template <class Read, class Write>
void copy_elements(const Object& object, hid_t type, hid_t space, size_t count, Read&& read,
                   Write&& write) {
  if (H5Tdetect_class(type, H5T_REFERENCE) > 0) throw Damage{"it refers to other elements"};
  follow_references(object, type, count, [&](hid_t raw, void* to) { return read(raw, to); });
  if (count == 0) return;
  const double wanted = double(count) * double(H5Tget_size(type));
  object.take(wanted, wanted);  // once in the copy, and once on the way there
  std::vector<char> bytes(count * H5Tget_size(type));
  object.check(read(type, bytes.data()), "read its data");
  const herr_t written = write(bytes.data());
  const std::string reason = written < 0 ? error_text() : "";
  H5Dvlen_reclaim(type, space, H5P_DEFAULT, bytes.data());
  if (written < 0) object.fail("cannot copy it: ", reason);
}

template <class = void>
void copy_attributes(const Object& from, hid_t to) {
  const int attributes = H5Aget_num_attrs(from.id);
  for (int i = 0; i < attributes; ++i) {
    const Handle attribute(H5Aopen_by_idx(from.id, ".", H5_INDEX_NAME, H5_ITER_NATIVE, hsize_t(i),
                                          H5P_DEFAULT, H5P_DEFAULT));
    from.check(hid_t(attribute), "open an attribute");
    const Handle type(H5Aget_type(attribute)), space(H5Aget_space(attribute));
    from.check(hid_t(type), "read an attribute's type");
    const bool null = H5Sget_simple_extent_type(space) == H5S_NULL;
    const size_t count = null ? 0 : count_of(from, shape_of(from, space));
    from.charge(double(count) * double(H5Tget_size(type)), double(H5Aget_storage_size(attribute)),
                1);
    const ssize_t length = from.check(H5Aget_name(attribute, 0, nullptr), "read a name");
    std::string name(size_t(length), '\0');
    H5Aget_name(attribute, name.size() + 1, name.data());
    const Handle copy(H5Acreate2(to, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT));
    from.check(hid_t(copy), "copy an attribute");
    copy_elements(
        from, type, space, count,
        [&](hid_t memory, void* bytes) { return H5Aread(attribute, memory, bytes); },
        [&](const void* bytes) { return H5Awrite(copy, type, bytes); });
  }
}

}  // namespace detail

/// Copies an object and all below it into a group of another file. Unlike H5Ocopy, it looks at
/// everything before HDF5 trusts it.
/// @throws Damage, or FormatError, if something is damaged or of a kind that cannot be copied
template <class = void>
void copy_object(const Object& from, hid_t group, const std::string& name) {
  if (from.is_group()) {
    const Handle copy(H5Gcreate2(group, name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    from.check(hid_t(copy), "copy it");
    detail::copy_attributes(from, copy);
    for (const std::string& child : from.names()) copy_object(from.open(child), copy, child);
    return;
  }
  const Dataset d = open_dataset(from);
  // HDF5 reads the elements here; it must find whole chunks, and all of them.
  if (d.damage) throw *d.damage;
  if (d.in_chunks() && !d.filters.empty() && d.read_here()) {
    hsize_t written = d.index.chunks.size();
    if (!d.index.known)
      from.check(H5Dget_num_chunks(from.id, d.space, &written), "count its chunks");
    if (written != d.grid.chunks) throw Damage{"some of its chunks are not there"};
    from.take(0, double(d.count) * double(d.element_bytes));
    std::vector<char> elements(d.count * d.element_bytes);
    const RowPiece all{d.rows(), elements.data()};
    read_stored(d, {&all, 1});
  }
  const Handle creation(H5Dget_create_plist(from.id));
  H5Pset_obj_track_times(creation, false);
  const Handle copy(
      H5Dcreate2(group, name.c_str(), d.type, d.space, H5P_DEFAULT, creation, H5P_DEFAULT));
  from.check(hid_t(copy), "copy it");
  detail::copy_attributes(from, copy);
  detail::copy_elements(
      from, d.type, d.space, d.null ? 0 : d.count,
      [&](hid_t memory, void* bytes) {
        return H5Dread(from.id, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes);
      },
      [&](const void* bytes) {
        return H5Dwrite(copy, d.type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes);
      });
}

}  // namespace hdf5
VCELL_END_NAMESPACE
