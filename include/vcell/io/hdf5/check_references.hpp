#pragma once

#include <vector>

#include "vcell/io/hdf5/dataset.hpp"

namespace vcell::inline VCELL_ABI::hdf5 {
namespace detail {

/// A stored type with every variable-length text in it as its plain reference, and where in an
/// element these lie.
struct RawType {
  Handle type;
  std::vector<size_t> references;
};

/// @throws Damage if it holds sequences of variable length, whose parts cannot be looked at
inline RawType raw_type(hid_t type, size_t reference_size) {
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

/// Follows every reference to text among `count` elements. read(type, to) fetches them.
template <class Read>
void follow_references(const Object& object, hid_t type, size_t count, Read&& read) {
  const size_t reference_size = GlobalHeap::reference_size(object.reading->raw);
  const RawType raw = raw_type(type, reference_size);
  if (raw.references.empty() || count == 0) return;
  const size_t size = H5Tget_size(raw.type);
  std::vector<char> bytes(count * size);
  object.check(read(hid_t(raw.type), bytes.data()), "read its data");
  for (size_t i = 0; i < count; ++i)
    for (size_t reference : raw.references)
      object.reading->heap.text(object.reading->raw,
                                {bytes.data() + i * size + reference, reference_size});
}

}  // namespace detail

/// Follows every reference to text in an object and those below it, as HDF5 will when it copies
/// them: it does so without a check.
/// @throws Damage, or FormatError, if one leads nowhere or there is something that cannot be
/// checked
inline void check_references(const Object& object) {
  const int attributes = H5Aget_num_attrs(object.id);
  for (int i = 0; i < attributes; ++i) {
    const Handle attribute(H5Aopen_by_idx(object.id, ".", H5_INDEX_NAME, H5_ITER_NATIVE, hsize_t(i),
                                          H5P_DEFAULT, H5P_DEFAULT));
    object.check(hid_t(attribute), "open an attribute");
    const Handle type(H5Aget_type(attribute)), space(H5Aget_space(attribute));
    object.check(hid_t(type), "read an attribute's type");
    if (H5Sget_simple_extent_type(space) == H5S_NULL) continue;
    const size_t count = count_of(object, shape_of(object, space));
    object.charge(double(count) * double(H5Tget_size(type)), double(H5Aget_storage_size(attribute)),
                  1);
    detail::follow_references(object, type, count, [&](hid_t memory, void* to) {
      return H5Aread(attribute, memory, to);
    });
  }
  if (object.is_group()) {
    for (const std::string& name : object.names()) check_references(object.open(name));
  } else {
    const Dataset d = open_dataset(object);
    detail::follow_references(object, d.type, d.null ? 0 : d.count, [&](hid_t memory, void* to) {
      return H5Dread(object.id, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, to);
    });
  }
}

}  // namespace vcell::inline VCELL_ABI::hdf5
