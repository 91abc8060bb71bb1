#pragma once

#include <limits>
#include <optional>
#include <vector>

#include "vcell/data/array.hpp"
#include "vcell/io/hdf5/filters.hpp"
#include "vcell/io/hdf5/object.hpp"
#include "vcell/io/hdf5/types.hpp"

namespace vcell::inline VCELL_ABI::hdf5 {

/// A dataset whose layout was found safe to read.
struct Dataset {
  const Object* object = nullptr;
  Handle type, space;
  std::vector<size_t> shape;  ///< empty for a scalar
  size_t count = 0;
  bool null = false;  ///< H5S_NULL: it holds nothing at all
};

/// The extents of a data space.
inline std::vector<size_t> shape_of(const Object& object, hid_t space) {
  const int rank = object.check(H5Sget_simple_extent_ndims(space), "read its rank");
  std::vector<hsize_t> extents(size_t(rank), 0);
  object.check(H5Sget_simple_extent_dims(space, extents.data(), nullptr), "read its shape");
  return {extents.begin(), extents.end()};
}

/// The product of the extents.
/// @throws FormatError if it is beyond any memory
inline size_t count_of(const Object& object, const std::vector<size_t>& shape) {
  size_t n = 1;
  for (size_t extent : shape) {
    if (extent && n > (size_t(1) << 48) / extent) object.fail("has the impossible shape ", shape);
    n *= extent;
  }
  return n;
}

/// Opens a dataset's description and checks, before anything is allocated, that its filters are
/// there, that its data are in this file, and that what is stored can hold what is declared.
inline Dataset open_dataset(const Object& object) {
  if (!object.is_dataset()) object.fail("is a group, expected a dataset");
  Dataset d{&object, Handle(H5Dget_type(object.id)), Handle(H5Dget_space(object.id)), {}, 0, false};
  object.check(hid_t(d.type), "read its type");
  object.check(hid_t(d.space), "read its shape");
  if (H5Sget_simple_extent_type(d.space) == H5S_NULL) {
    d.null = true;
    return d;
  }
  d.shape = shape_of(object, d.space);
  d.count = count_of(object, d.shape);

  const Handle creation(H5Dget_create_plist(object.id));
  object.check(hid_t(creation), "read how it is stored");
  const H5D_layout_t layout = H5Pget_layout(creation);
  if (layout == H5D_VIRTUAL || H5Pget_external_count(creation) > 0)
    object.fail("keeps its data in another file, expected them in this one; copy them into it");
  double expansion = 1, chunk = 1;
  for (const Filter& filter : filters_of(creation)) {
    if (H5Zfilter_avail(filter.id) <= 0)
      object.fail("is stored with the filter ", filter.name, " (", filter.id, "), which this HDF5 ",
                  "lacks; install ", filter.package.empty() ? "an HDF5 with it" : filter.package,
                  ", or write the file again with gzip");
    expansion *= double(filter.expansion);
  }
  if (layout == H5D_CHUNKED) {
    std::vector<hsize_t> extents(d.shape.size(), 1);
    object.check(H5Pget_chunk(creation, int(extents.size()), extents.data()), "read its chunks");
    for (hsize_t extent : extents) chunk *= double(extent);
  }
  const double element = double(H5Tget_size(d.type));
  object.charge(element * std::max(chunk, double(d.count)), double(H5Dget_storage_size(object.id)),
                expansion);
  return d;
}

namespace detail {

inline void read_raw(const Dataset& d, hid_t memory, void* to) {
  if (d.count == 0) return;
  d.object->check(H5Dread(d.object->id, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, to),
                  "read its data");
}

}  // namespace detail

/// The dtype of a dataset of numbers.
/// @throws FormatError if it is none
inline DType number_type(const Dataset& d) {
  const auto dtype = dtype_of_type(d.type);
  if (!dtype || d.null)
    d.object->fail("holds ", d.null ? "nothing" : type_name(d.type), ", expected numbers");
  return *dtype;
}

/// All numbers of a dataset, as they are.
/// @throws FormatError if it holds no numbers or cannot be read
inline Array read_array(const Dataset& d) {
  Array out{number_type(d), d.shape, {}};
  out.bytes.resize(d.count * size_of(out.dtype));
  // Truth values are read with the file's own enumeration: its bytes are the values.
  detail::read_raw(d,
                   out.dtype == DType::boolean ? Handle(H5Tcopy(d.type)) : memory_type(out.dtype),
                   out.bytes.data());
  if (out.dtype == DType::boolean)
    for (std::byte b : out.bytes)
      if (b > std::byte(1)) d.object->fail("holds ", int(b), ", expected 0 or 1 (FALSE or TRUE)");
  return out;
}

/// All numbers of a dataset as T, which holds each of them exactly except that whole numbers
/// beyond T's range come out as its nearest end (HDF5's rule).
/// @throws FormatError if it holds floating numbers and T is an integer, or cannot be read
template <class T>
std::vector<T> read_numbers(const Dataset& d) {
  const DType dtype = number_type(d);
  if (dtype == DType::boolean) return read_array(d).as<T>();
  if (std::is_integral_v<T> && H5Tget_class(d.type) != H5T_INTEGER)
    d.object->fail("holds ", name_of(dtype), ", expected whole numbers");
  std::vector<T> out(d.count);
  detail::read_raw(d, memory_type(dtype_of<T>()), out.data());
  return out;
}

}  // namespace vcell::inline VCELL_ABI::hdf5
