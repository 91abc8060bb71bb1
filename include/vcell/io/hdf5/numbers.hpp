#pragma once

#include <cstring>
#include <type_traits>
#include <vector>

#include "vcell/data/array.hpp"
#include "vcell/io/hdf5/chunks.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {

/// Bytes that are needed for a moment beside the elements themselves: a chunk, and the elements as
/// they are stored where that is wider.
template <class = void>
double passing_bytes(const Dataset& d, size_t size) {
  if (d.chunk.empty()) return 0;
  double chunk = double(d.element_bytes);
  for (size_t extent : d.chunk) chunk *= double(extent);
  return chunk + (d.element_bytes > size ? double(d.count) * double(d.element_bytes) : 0);
}

/// All elements of a dataset as a type in memory. Text of variable length comes as its references
/// when that type is opaque.
/// @param to  zeros, as many as all elements need
template <class = void>
void read_elements(const Dataset& d, hid_t memory, void* to) {
  if (d.count == 0) return;
  d.object->take(0, passing_bytes(d, H5Tget_size(memory)));
  const size_t size = H5Tget_size(memory);
  const bool as_stored = H5Tequal(d.type, memory) > 0 || H5Tget_class(memory) == H5T_OPAQUE;
  if (!d.chunk.empty()) {
    // Elements are converted in place, so only those that become narrower need room of their own.
    std::vector<char> wide(d.element_bytes > size ? d.count * d.element_bytes : 0);
    char* whole = wide.empty() ? static_cast<char*>(to) : wide.data();
    detail::fill_whole(d, whole);
    const auto place = [&](const std::vector<size_t>& start, const std::vector<char>& chunk) {
      detail::place_chunk(d, start, chunk, whole);
    };
    if (unpack_chunks(d, place)) {
      if (!as_stored)
        d.object->check(H5Tconvert(d.type, memory, d.count, whole, nullptr, H5P_DEFAULT),
                        "convert its data");
      if (!wide.empty()) std::memcpy(to, whole, d.count * size);
      return;
    }
  }
  d.object->check(H5Dread(d.object->id, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, to),
                  "read its data");
}

/// The dtype of a dataset of numbers.
/// @throws FormatError if it is none
template <class = void>
DType number_type(const Dataset& d) {
  const auto dtype = dtype_of_type(d.type);
  if (!dtype || d.null)
    d.object->fail("holds ", d.null ? "nothing" : type_name(d.type), ", expected numbers");
  return *dtype;
}

/// All numbers of a dataset, as they are.
/// @throws FormatError if it holds no numbers or cannot be read
template <class = void>
Array read_array(const Dataset& d) {
  const DType dtype = number_type(d);
  d.object->take(double(d.count) * double(size_of(dtype)));
  Array out{d.shape, Numbers(dtype, d.count)};
  // Truth values are read with the file's own enumeration: its bytes are the values.
  read_elements(d, dtype == DType::boolean ? Handle(H5Tcopy(d.type)) : memory_type(dtype),
                out.values.bytes().data());
  if (dtype == DType::boolean)
    for (uint8_t flag : out.values.values<uint8_t>())
      if (flag > 1) d.object->fail("holds ", int(flag), ", expected 0 or 1 (FALSE or TRUE)");
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
  d.object->take(double(d.count) * sizeof(T));
  std::vector<T> out(d.count);
  read_elements(d, memory_type(dtype_of<T>()), out.data());
  return out;
}

}  // namespace hdf5
VCELL_END_NAMESPACE
