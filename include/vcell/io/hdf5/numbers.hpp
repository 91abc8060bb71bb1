#pragma once

#include <algorithm>
#include <cstring>
#include <mutex>
#include <type_traits>
#include <vector>

#include "vcell/data/array.hpp"
#include "vcell/io/hdf5/chunks.hpp"
#include "vcell/io/hdf5/read_plain.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {

/// Chunks that reach beyond the rows that were read last: the next ones begin in them.
struct OpenChunks {
  struct Chunk {
    std::vector<size_t> start;
    std::vector<char> bytes;  // as they are stored
  };
  std::vector<Chunk> chunks;
};

/// Bytes that are needed for a moment beside so many elements themselves: a chunk, and the elements
/// as they are stored where that is wider.
template <class = void>
double passing_bytes(const Dataset& d, size_t count, size_t size) {
  if (d.chunk.empty()) return 0;
  double chunk = double(d.element_bytes);
  for (size_t extent : d.chunk) chunk *= double(extent);
  return chunk + (d.element_bytes > size ? double(count) * double(d.element_bytes) : 0);
}

namespace detail {

/// @return whether vcell unpacks this dataset's chunks itself
template <class = void>
bool read_chunks(const Dataset& d, RowRange rows, char* to, OpenChunks* open) {
  OpenChunks before, after;
  if (open) std::swap(before, *open);
  std::mutex adding;
  const auto is_open = [&](const std::vector<size_t>& start) {
    return open && start[0] + d.chunk[0] > rows.last && rows.last < d.shape[0];
  };
  const bool own = unpack_chunks(
      d, rows,
      [&](const std::vector<size_t>& start, const std::vector<char>& chunk) {
        place_chunk(d, start, chunk, rows, to);
        if (!is_open(start)) return;
        const std::lock_guard lock(adding);
        after.chunks.push_back({start, chunk});
      },
      [&](const std::vector<size_t>& start) {
        for (auto& chunk : before.chunks) {
          if (chunk.start != start) continue;
          place_chunk(d, start, chunk.bytes, rows, to);
          if (is_open(start)) {
            const std::lock_guard lock(adding);
            after.chunks.push_back(std::move(chunk));
          }
          return true;
        }
        return false;
      });
  if (open) *open = std::move(after);
  return own;
}

/// What is read or converted between two looks at the watcher.
inline constexpr size_t bytes_at_once = size_t(64) << 20;

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
/// @param to    zeros, as many as the elements of these rows need
/// @param open  given again and again, for rows that follow each other, it keeps chunks from being
///              unpacked twice
template <class = void>
void read_elements(const Dataset& d, RowRange rows, hid_t memory, void* to,
                   OpenChunks* open = nullptr) {
  const size_t count = d.count_of(rows), size = H5Tget_size(memory);
  if (count == 0) return;
  d.object->take(0, passing_bytes(d, count, size));
  const bool is_same = H5Tequal(d.type, memory) > 0,
             as_stored = is_same || H5Tget_class(memory) == H5T_OPAQUE;
  if (is_same && read_plain(d, rows, static_cast<char*>(to))) return;
  if (!d.chunk.empty()) {
    // Elements are converted in place, so only those that become narrower need room of their own.
    std::vector<char> wide(d.element_bytes > size ? count * d.element_bytes : 0);
    char* stored = wide.empty() ? static_cast<char*>(to) : wide.data();
    detail::fill(d, count, stored);
    if (detail::read_chunks(d, rows, stored, open)) {
      // What grows has to be converted in one go.
      const size_t piece = d.element_bytes < size
                               ? count
                               : std::max<size_t>(1, detail::bytes_at_once / d.element_bytes);
      for (size_t i = 0; !as_stored && i < count; i += piece) {
        if (i) d.object->watch();
        d.object->check(H5Tconvert(d.type, memory, std::min(piece, count - i),
                                   stored + i * d.element_bytes, nullptr, H5P_DEFAULT),
                        "convert its data");
        if (!wide.empty())
          std::memcpy(static_cast<char*>(to) + i * size, stored + i * d.element_bytes,
                      std::min(piece, count - i) * size);
      }
      if (as_stored && !wide.empty()) std::memcpy(to, stored, count * size);
      return;
    }
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
  const auto dtype = dtype_of_type(d.type);
  if (!dtype || d.null)
    d.object->fail("holds ", d.null ? "nothing" : type_name(d.type), ", expected numbers");
  return *dtype;
}

/// The numbers of some rows of a dataset, as they are.
/// @throws FormatError if it holds no numbers or cannot be read
template <class = void>
Numbers read_rows(const Dataset& d, RowRange rows, OpenChunks* open = nullptr) {
  const DType dtype = number_type(d);
  Numbers out(dtype, d.count_of(rows));
  // Truth values are read with the file's own enumeration: its bytes are the values.
  read_elements(d, rows, dtype == DType::boolean ? Handle(H5Tcopy(d.type)) : memory_type(dtype),
                out.bytes().data(), open);
  if (dtype == DType::boolean)
    for (uint8_t flag : out.values<uint8_t>())
      if (flag > 1) d.object->fail("holds ", int(flag), ", expected 0 or 1 (FALSE or TRUE)");
  return out;
}

/// All numbers of a dataset, as they are.
/// @throws FormatError if it holds no numbers or cannot be read
template <class = void>
Array read_array(const Dataset& d) {
  d.object->take(double(d.count) * double(size_of(number_type(d))));
  return {d.shape, read_rows(d, d.rows())};
}

/// The numbers of some rows of a dataset as T, which holds each of them exactly except that whole
/// numbers beyond T's range come out as its nearest end (HDF5's rule).
/// @param out  room that is used again; what it held is gone
/// @throws FormatError if it holds floating numbers and T is an integer, or cannot be read
template <class T>
void read_numbers(const Dataset& d, RowRange rows, std::vector<T>& out,
                  OpenChunks* open = nullptr) {
  const DType dtype = number_type(d);
  if (dtype == DType::boolean) {
    out = read_rows(d, rows, open).template as<T>();
    return;
  }
  if (std::is_integral_v<T> && H5Tget_class(d.type) != H5T_INTEGER)
    d.object->fail("holds ", name_of(dtype), ", expected whole numbers");
  out.resize(d.count_of(rows));
  const Handle memory(memory_type(dtype_of<T>()));
  if (H5Tequal(d.type, memory) > 0 && read_plain(d, rows, reinterpret_cast<char*>(out.data())))
    return;
  std::fill(out.begin(), out.end(), T(0));
  read_elements(d, rows, memory, out.data(), open);
}
/// The same in room of its own.
template <class T>
std::vector<T> read_numbers(const Dataset& d, RowRange rows, OpenChunks* open = nullptr) {
  std::vector<T> out;
  read_numbers(d, rows, out, open);
  return out;
}
/// The same of all of it.
template <class T>
std::vector<T> read_numbers(const Dataset& d) {
  d.object->take(double(d.count) * sizeof(T));
  return read_numbers<T>(d, d.rows());
}

}  // namespace hdf5
VCELL_END_NAMESPACE
