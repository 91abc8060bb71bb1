#pragma once

#include "vcell/data/uns.hpp"
#include "vcell/io/h5ad/encoding.hpp"
#include "vcell/io/hdf5/copy_object.hpp"
#include "vcell/io/hdf5/output.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// A file that lives in memory. It has the oldest format: HDF5 spoils the checksums of later ones
/// when it hands out the image of an open file.
template <class = void>
hdf5::Handle memory_file_access() {
  hdf5::Handle access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_fapl_core(access, size_t(1) << 16, false);
  return access;
}

/// Keeps an element as it is, with everything in it, and warns that it was not understood. Nothing
/// when it is of a kind that cannot be copied: then it is left out, with a warning.
template <class = void>
std::optional<Opaque> read_opaque(const hdf5::Object& element, const std::string& kind) {
  const hdf5::Handle access = memory_file_access();
  const hdf5::Handle file(H5Fcreate("opaque", H5F_ACC_TRUNC, H5P_DEFAULT, access));
  element.check(hid_t(file), "make a file in memory");
  try {
    hdf5::copy_object(element, file, "element");
  } catch (const hdf5::Damage& damage) {
    element.warn("holds ", kind, ", which cannot be copied and is left out: ", damage.what);
    return {};
  }
  element.check(H5Fflush(file, H5F_SCOPE_LOCAL), "copy it");
  const ssize_t size = element.check(H5Fget_file_image(file, nullptr, 0), "copy it");
  Opaque out{std::vector<std::byte>(size_t(size)), kind};
  element.check(H5Fget_file_image(file, out.image.data(), out.image.size()), "copy it");
  element.warn("holds ", kind, ", which is kept as it is, unread");
  return out;
}

/// Copies a kept element into a group.
template <class = void>
void write_opaque(const hdf5::OutputGroup& parent, const std::string& name, const Opaque& opaque) {
  const hdf5::Handle access = memory_file_access();
  // HDF5 copies the image: it never writes into the buffer that it is given.
  H5Pset_file_image(access, const_cast<std::byte*>(opaque.image.data()), opaque.image.size());
  const hdf5::Handle file(H5Fopen("opaque", H5F_ACC_RDONLY, access));
  parent.check(hid_t(file), name);
  parent.check(H5Ocopy(file, "element", parent.id, name.c_str(), H5P_DEFAULT, H5P_DEFAULT), name);
}

}  // namespace detail
VCELL_END_NAMESPACE
