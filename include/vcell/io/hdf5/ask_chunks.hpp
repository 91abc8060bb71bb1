#pragma once

#include <algorithm>
#include <vector>

#include "vcell/io/hdf5/chunk_index.hpp"
#include "vcell/io/hdf5/object.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {

namespace detail {

/// Whether HDF5 says the right places of chunks. Releases up to 1.14 count through arrays of chunks
/// as if the shape could not grow but in its first dimension, and name wrong ones where it can;
/// trees, which there are for two dimensions without a limit, name the chunks themselves.
template <class = void>
bool counts_chunks_rightly(const Object& object, hid_t space, size_t rank) {
  std::vector<hsize_t> extents(rank), most(rank);
  object.check(H5Sget_simple_extent_dims(space, extents.data(), most.data()), "read its shape");
  if (std::count(most.begin(), most.end(), H5S_UNLIMITED) > 1) return true;
  return std::equal(extents.begin() + 1, extents.end(), most.begin() + 1);
}

}  // namespace detail

/// Asks HDF5 where the chunks of a dataset lie, whatever its index is: all at once where it can say
/// that (1.14 and later), else each by its coordinate, for which it looks at all of them; so of
/// more than `most_asked` it is not asked then. Without an answer the index is not known.
/// @throws FormatError if HDF5 cannot tell; Damage if what it says is none of the dataset's
template <class = void>
ChunkIndex ask_chunks(const Object& object, hid_t space, const ChunkGrid& grid) {
  ChunkIndex out;
  // What HDF5 says of a file behind a user's block differs between releases.
  if (object.reading->raw.base() != 0) return out;
  if (!detail::counts_chunks_rightly(object, space, grid.chunk.size())) return out;
#if H5_VERSION_GE(1, 14, 0)
  struct Found {
    const ChunkGrid& grid;
    std::vector<StoredChunk>& chunks;
    bool damaged;
  } found{grid, out.chunks, false};
  const auto add = [](const hsize_t* start, unsigned skipped, haddr_t address, hsize_t bytes,
                      void* data) -> int {
    auto& f = *static_cast<Found*>(data);
    try {
      f.chunks.push_back({f.grid.number_at(start), address, bytes, uint32_t(skipped)});
    } catch (const Damage&) {
      f.damaged = true;
    }
    return f.damaged ? H5_ITER_STOP : H5_ITER_CONT;
  };
  object.check(H5Dchunk_iter(object.id, H5P_DEFAULT, add, &found), "find its chunks");
  if (found.damaged) throw Damage{"an index of chunks has one that is none"};
  const auto by_number = [](const StoredChunk& a, const StoredChunk& b) {
    return a.number < b.number;
  };
  std::sort(out.chunks.begin(), out.chunks.end(), by_number);
  for (size_t i = 1; i < out.chunks.size(); ++i)
    if (out.chunks[i - 1].number == out.chunks[i].number)
      throw Damage{"an index of chunks names one twice"};
#else
  constexpr size_t most_asked = 2048;
  if (grid.chunks > most_asked) return out;
  hsize_t written = 0;
  object.check(H5Dget_num_chunks(object.id, space, &written), "count its chunks");
  for (size_t number = 0; number < grid.chunks && written > 0; ++number) {
    const auto start = grid.start_of(number);
    const std::vector<hsize_t> at(start.begin(), start.end());
    unsigned skipped = 0;
    haddr_t address = HADDR_UNDEF;
    hsize_t bytes = 0;
    object.check(H5Dget_chunk_info_by_coord(object.id, at.data(), &skipped, &address, &bytes),
                 "find a chunk");
    if (address != HADDR_UNDEF) out.chunks.push_back({number, address, bytes, uint32_t(skipped)});
  }
  if (out.chunks.size() != size_t(written)) throw Damage{"a chunk cannot be found"};
#endif
  out.known = true;
  return out;
}

}  // namespace hdf5
VCELL_END_NAMESPACE
