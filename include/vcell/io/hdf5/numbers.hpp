#pragma once

#include <algorithm>
#include <cstring>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "vcell/data/array.hpp"
#include "vcell/io/hdf5/read_stored.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {

/// Bytes that are needed for a moment beside so many elements themselves: a chunk, and the elements
/// as they are stored where that is otherwise.
template <class = void>
double passing_bytes(const Dataset& d, size_t count, size_t size) {
  return double(d.grid.chunk_bytes) +
         (d.element_bytes != size ? double(count) * double(d.element_bytes) : 0);
}

namespace detail {

/// Some rows of a dataset, by HDF5.
template <class = void>
void read_piece(const Dataset& d, RowRange rows, hid_t memory, char* to) {
  std::vector<hsize_t> start(d.shape.size(), 0), extents(d.shape.begin(), d.shape.end());
  start[0] = rows.first;
  extents[0] = rows.last - rows.first;
  const Handle file(H5Scopy(d.space)),
      here(H5Screate_simple(int(extents.size()), extents.data(), nullptr));
  d.object->check(
      H5Sselect_hyperslab(file, H5S_SELECT_SET, start.data(), nullptr, extents.data(), nullptr),
      "select its rows");
  d.object->check(H5Dread(d.object->id, memory, here, file, H5P_DEFAULT, to), "read its data");
}

}  // namespace detail

/// Some rows of a dataset as a type in memory. Text of variable length comes as its references when
/// that type is opaque.
/// @param to  as many elements as these rows have
template <class = void>
void read_elements(const Dataset& d, RowRange rows, hid_t memory, void* to) {
  const size_t count = d.count_of(rows), size = H5Tget_size(memory);
  if (count == 0) return;
  d.object->take(0, passing_bytes(d, count, size));
  if (d.read_here()) {
    const bool as_stored = H5Tequal(d.type, memory) > 0 || H5Tget_class(memory) == H5T_OPAQUE;
    // Elements are converted in place, so only those that become narrower need room of their own.
    std::vector<char> wide(d.element_bytes > size ? count * d.element_bytes : 0);
    char* const stored = wide.empty() ? static_cast<char*>(to) : wide.data();
    const RowPiece piece{rows, stored};
    read_stored(d, {&piece, 1});
    // What grows has to be converted in one go.
    const size_t at_once = d.element_bytes < size
                               ? count
                               : std::max<size_t>(1, detail::bytes_at_once / d.element_bytes);
    for (size_t i = 0; !as_stored && i < count; i += at_once) {
      if (i) d.object->watch();
      d.object->check(H5Tconvert(d.type, memory, std::min(at_once, count - i),
                                 stored + i * d.element_bytes, nullptr, H5P_DEFAULT),
                      "convert its data");
      if (!wide.empty())
        std::memcpy(static_cast<char*>(to) + i * size, stored + i * d.element_bytes,
                    std::min(at_once, count - i) * size);
    }
    if (as_stored && !wide.empty()) std::memcpy(to, stored, count * size);
    return;
  }
  if (d.shape.empty() || (count == d.count && count * size <= detail::bytes_at_once)) {
    d.object->check(H5Dread(d.object->id, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, to),
                    "read its data");
    return;
  }
  const size_t of_row = count / (rows.last - rows.first) * size,
               at_once = std::max<size_t>(1, detail::bytes_at_once / of_row);
  for (size_t row = rows.first; row < rows.last; row += at_once) {
    if (row > rows.first) d.object->watch();
    detail::read_piece(d, {row, std::min(rows.last, row + at_once)}, memory,
                       static_cast<char*>(to) + (row - rows.first) * of_row);
  }
}

/// The dtype of a dataset of numbers.
/// @throws FormatError if it is none
template <class = void>
DType number_type(const Dataset& d) {
  if (d.number) return *d.number;
  const auto dtype = dtype_of_type(d.type);
  if (!dtype || d.null)
    d.object->fail("holds ", d.null ? "nothing" : type_name(d.type), ", expected numbers");
  return *dtype;
}

namespace detail {

/// Refuses truth values that are none.
template <class = void>
void check_truths(const Dataset& d, const void* flags, size_t n) {
  const auto* const begin = static_cast<const uint8_t*>(flags);
  const auto* const wrong = std::find_if(begin, begin + n, [](uint8_t f) { return f > 1; });
  if (wrong != begin + n)
    d.object->fail("holds ", int(*wrong), ", expected 0 or 1 (FALSE or TRUE)");
}

/// The types that vcell itself makes of others, and leaves the rest to HDF5.
template <class T>
inline constexpr bool is_made_here_v = std::is_same_v<T, int32_t> || std::is_same_v<T, int64_t> ||
                                       std::is_same_v<T, float> || std::is_same_v<T, double>;

/// Numbers as another type by HDF5's rule: whole ones beyond its range become its nearest end.
template <class T>
void convert_stored(DType dtype, const char* from, size_t n, T* to) {
  visit_storage(dtype, [&]<class Stored>() {
    const auto* const numbers = reinterpret_cast<const Stored*>(from);
    bool ignored = true;
    for (size_t i = 0; i < n; ++i)
      if constexpr (!std::is_integral_v<T> || !std::is_integral_v<Stored>)
        to[i] = vcell::detail::convert_number<T>(numbers[i], ignored);
      else if (std::in_range<T>(numbers[i])) [[likely]]
        to[i] = T(numbers[i]);
      else
        to[i] = std::cmp_less(numbers[i], 0) ? std::numeric_limits<T>::min()
                                             : std::numeric_limits<T>::max();
  });
}

}  // namespace detail

/// Some rows of a dataset of numbers, and where they go as T.
template <class T>
struct NumberPiece {
  RowRange rows;
  T* to = nullptr;
};

/// The numbers of some rows of a dataset as T, which holds each of them exactly except that whole
/// numbers beyond T's range come out as its nearest end (HDF5's rule). HDF5 is called only where
/// Dataset::needs_library says so; else several threads may read at once.
/// @param pieces  in any order; rows may be in several of them
/// @param cache   of this dataset, for rows that are read soon after others
/// @throws FormatError if it holds floating numbers and T is an integer, or cannot be read
template <class T>
void read_numbers(const Dataset& d, std::span<const NumberPiece<T>> pieces,
                  ChunkCache* cache = nullptr) {
  const DType dtype = number_type(d);
  const bool is_whole = dtype != DType::f16 && dtype != DType::f32 && dtype != DType::f64;
  if (std::is_integral_v<T> && !is_whole)
    d.object->fail("holds ", name_of(dtype), ", expected whole numbers");
  const bool truths = dtype == DType::boolean,
             as_stored = dtype == dtype_of<T>() || (std::is_same_v<T, uint8_t> && truths);
  if (!d.number || !d.read_here() || (!as_stored && !detail::is_made_here_v<T>)) {
    // Truth values are read with the file's own enumeration: its bytes are the values.
    const Handle memory(truths ? Handle(H5Tcopy(d.type)) : memory_type(dtype_of<T>()));
    for (const NumberPiece<T>& piece : pieces) {
      std::vector<uint8_t> flags(truths ? d.count_of(piece.rows) : 0);
      read_elements(d, piece.rows, memory, truths ? static_cast<void*>(flags.data()) : piece.to);
      detail::check_truths(d, flags.data(), flags.size());
      for (size_t i = 0; i < flags.size(); ++i) piece.to[i] = T(flags[i]);
    }
    return;
  }
  size_t count = 0;
  for (const NumberPiece<T>& piece : pieces) count += d.count_of(piece.rows);
  if (count == 0) return;
  d.object->take(0, passing_bytes(d, count, sizeof(T)));
  std::vector<char> stored(as_stored ? 0 : count * d.element_bytes);
  std::vector<RowPiece> places;
  size_t done = 0;
  for (const NumberPiece<T>& piece : pieces) {
    places.push_back(
        {piece.rows, as_stored ? reinterpret_cast<char*>(piece.to) : stored.data() + done});
    if (!as_stored) done += d.count_of(piece.rows) * d.element_bytes;
  }
  read_stored(d, places, cache);
  if (truths)
    for (const RowPiece& place : places) detail::check_truths(d, place.to, d.count_of(place.rows));
  if constexpr (detail::is_made_here_v<T>) {
    for (size_t i = 0; i < places.size() && !as_stored; ++i)
      parallel_for(d.count_of(places[i].rows), size_t(1) << 16, [&](size_t first, size_t last) {
        detail::convert_stored(dtype, places[i].to + first * d.element_bytes, last - first,
                               pieces[i].to + first);
      });
  }
}

/// The numbers of some rows of a dataset, as they are.
/// @param ranges  in any order
/// @throws FormatError if it holds no numbers or cannot be read
template <class = void>
Numbers read_rows(const Dataset& d, std::span<const RowRange> ranges, ChunkCache* cache = nullptr) {
  const DType dtype = number_type(d);
  size_t count = 0;
  for (const RowRange rows : ranges) count += d.count_of(rows);
  Numbers out(dtype, count);
  if (count == 0) return out;
  std::vector<RowPiece> pieces;
  char* to = reinterpret_cast<char*>(out.bytes().data());
  for (const RowRange rows : ranges) {
    pieces.push_back({rows, to});
    to += d.count_of(rows) * size_of(dtype);
  }
  if (d.number && d.read_here()) {
    d.object->take(0, passing_bytes(d, count, d.element_bytes));
    read_stored(d, pieces, cache);
  } else {  // truth values are read with the file's own enumeration
    const Handle memory(dtype == DType::boolean ? Handle(H5Tcopy(d.type)) : memory_type(dtype));
    for (const RowPiece& piece : pieces) read_elements(d, piece.rows, memory, piece.to);
  }
  if (dtype == DType::boolean) detail::check_truths(d, out.bytes().data(), count);
  return out;
}
template <class = void>
Numbers read_rows(const Dataset& d, RowRange rows, ChunkCache* cache = nullptr) {
  return read_rows(d, std::span<const RowRange>(&rows, 1), cache);
}

/// All numbers of a dataset, as they are.
/// @throws FormatError if it holds no numbers or cannot be read
template <class = void>
Array read_array(const Dataset& d) {
  d.object->take(double(d.count) * double(size_of(number_type(d))));
  return {d.shape, read_rows(d, d.rows())};
}

/// The numbers of some rows of a dataset as T.
/// @param out  room that is used again; what it held is gone
/// @throws FormatError if it holds floating numbers and T is an integer, or cannot be read
template <class T>
void read_numbers(const Dataset& d, RowRange rows, std::vector<T>& out,
                  ChunkCache* cache = nullptr) {
  number_type(d);
  out.resize(d.count_of(rows));
  const NumberPiece<T> piece{rows, out.data()};
  read_numbers<T>(d, std::span(&piece, 1), cache);
}
/// The same of all of it, in room of its own.
template <class T>
std::vector<T> read_numbers(const Dataset& d) {
  d.object->take(double(d.count) * sizeof(T));
  std::vector<T> out;
  read_numbers(d, d.rows(), out);
  return out;
}

}  // namespace hdf5
VCELL_END_NAMESPACE
