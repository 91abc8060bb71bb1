// Changes to HDF5 files that vcell would never write, made with HDF5 itself.
#pragma once

#include <hdf5.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "vcell/io/hdf5/types.hpp"

namespace vcell_test {

using vcell::hdf5::Handle;

inline hid_t must(hid_t id) {
  if (id < 0) throw std::runtime_error("the test's own use of HDF5 failed");
  return id;
}

/// Opens a file for changes and hands it to f.
template <class F>
void edit(const std::filesystem::path& path, F&& f) {
  const Handle file(must(H5Fopen(path.string().c_str(), H5F_ACC_RDWR, H5P_DEFAULT)));
  f(hid_t(file));
}

inline void remove(hid_t file, const char* path) { must(H5Ldelete(file, path, H5P_DEFAULT)); }

/// Writes a dataset of numbers, after removing one that is there; keeps no attributes.
template <class T>
Handle put(hid_t file, const char* path, const std::vector<T>& values,
           std::vector<hsize_t> shape = {}, hid_t creation = H5P_DEFAULT) {
  if (H5Lexists(file, path, H5P_DEFAULT) > 0) remove(file, path);
  if (shape.empty()) shape = {values.size()};
  const Handle type(vcell::hdf5::memory_type(vcell::dtype_of<T>()));
  const Handle space(must(H5Screate_simple(int(shape.size()), shape.data(), nullptr)));
  Handle out(must(H5Dcreate2(file, path, type, space, H5P_DEFAULT, creation, H5P_DEFAULT)));
  if (!values.empty()) must(H5Dwrite(out, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()));
  return out;
}

/// Sets a text attribute, in the place of one that is there.
inline void put_text(hid_t file, const char* path, const char* name, const char* text) {
  const Handle object(must(H5Oopen(file, path, H5P_DEFAULT)));
  if (H5Aexists(object, name) > 0) must(H5Adelete(object, name));
  const Handle type(vcell::hdf5::text_type()), space(must(H5Screate(H5S_SCALAR)));
  const Handle attribute(must(H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT)));
  must(H5Awrite(attribute, type, &text));
}

inline void put_integers(hid_t file, const char* path, const char* name,
                         const std::vector<int64_t>& values) {
  const Handle object(must(H5Oopen(file, path, H5P_DEFAULT)));
  if (H5Aexists(object, name) > 0) must(H5Adelete(object, name));
  const hsize_t n = values.size();
  const Handle space(must(H5Screate_simple(1, &n, nullptr)));
  const Handle attribute(
      must(H5Acreate2(object, name, H5T_NATIVE_INT64, space, H5P_DEFAULT, H5P_DEFAULT)));
  must(H5Awrite(attribute, H5T_NATIVE_INT64, values.data()));
}

}  // namespace vcell_test
