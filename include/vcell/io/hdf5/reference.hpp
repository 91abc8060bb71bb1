#pragma once

#include <optional>

#include "vcell/io/hdf5/attribute.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {

/// The object that an attribute refers to by its place in the file; nothing where the attribute is
/// absent or holds something else. HDF5 trusts the place: what lies there is looked at first.
/// @throws FormatError if it refers to nothing, or to what is damaged
template <class = void>
std::optional<Object> referenced_object(const Object& from, const char* attribute) {
  const auto a = detail::open_attribute(from, attribute);
  if (!a || H5Tget_class(a->type) != H5T_REFERENCE) return {};
  Object out{from.reading, from.path + "@" + attribute, {}, from.depth + 1};
  if (H5Tequal(a->type, H5T_STD_REF_OBJ) <= 0 || a->count != 1)
    out.fail("is no reference to one object");
  out.count_object();
  hobj_ref_t place = 0;
  out.check(H5Aread(a->id, H5T_STD_REF_OBJ, &place), "read it");
  out.check_header_at(haddr_t(place));
  out.id = Handle(H5Rdereference2(from.id, H5P_DEFAULT, H5R_OBJECT, &place));
  out.check(hid_t(out.id), "open what it refers to");
  return out;
}

}  // namespace hdf5
VCELL_END_NAMESPACE
