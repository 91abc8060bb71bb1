#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "vcell/io/hdf5/check_header.hpp"
#include "vcell/io/hdf5/raw_file.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {

/// How a shape is cut into chunks, which are numbered row major.
struct ChunkGrid {
  std::vector<size_t> chunk;  ///< extents of one; empty where the dataset is in one piece
  std::vector<size_t> grid;   ///< chunks along each dimension
  size_t chunks = 0;          ///< of all of it
  size_t chunk_bytes = 0;

  ChunkGrid() = default;
  /// @param extents  of a chunk, none of them 0
  template <class = void>
  ChunkGrid(const std::vector<size_t>& shape, std::vector<size_t> extents, size_t element_bytes)
      : chunk(std::move(extents)), chunks(1), chunk_bytes(element_bytes) {
    for (size_t i = 0; i < chunk.size(); ++i) {
      grid.push_back(shape[i] / chunk[i] + (shape[i] % chunk[i] != 0));
      chunks *= grid[i];
      chunk_bytes *= chunk[i];
    }
  }

  /// Where a chunk begins.
  template <class = void>
  std::vector<size_t> start_of(size_t number) const {
    std::vector<size_t> start(chunk.size());
    for (size_t i = chunk.size(); i-- > 0; number /= grid[i])
      start[i] = number % grid[i] * chunk[i];
    return start;
  }
  /// The number of the chunk that begins there.
  /// @throws Damage if none does
  template <class Offset>
  size_t number_at(const Offset* start) const {
    size_t number = 0;
    for (size_t i = 0; i < chunk.size(); ++i) {
      if (start[i] % chunk[i] || start[i] / chunk[i] >= grid[i])
        throw Damage{"an index of chunks has one that is none"};
      number = number * grid[i] + size_t(start[i] / chunk[i]);
    }
    return number;
  }
};

/// Where a chunk lies.
struct StoredChunk {
  uint64_t number = 0, address = 0;
  uint64_t bytes = 0;    ///< as it is stored
  uint32_t skipped = 0;  ///< bit i: filter i was not applied
};

/// Where the chunks of a dataset lie. It is looked up once, when the dataset is opened.
struct ChunkIndex {
  bool known = false;               ///< else HDF5 is asked for the chunks one by one
  std::vector<StoredChunk> chunks;  ///< those that were written, by number

  /// @return nullptr for a chunk that was never written
  const StoredChunk* find(uint64_t number) const {
    if (number < chunks.size() && chunks[size_t(number)].number == number)  // most have all
      return &chunks[size_t(number)];
    const auto found =
        std::lower_bound(chunks.begin(), chunks.end(), number,
                         [](const StoredChunk& c, uint64_t n) { return c.number < n; });
    return found == chunks.end() || found->number != number ? nullptr : &*found;
  }
};

namespace detail {

/// A node of an index that is a tree of version 1 (section III.A.1), and what is below it. A node
/// has children, and chunks ascend, so that nothing is walked through twice.
template <class = void>
void walk_chunk_tree(const RawFile& file, const ChunkGrid& grid, uint64_t address, uint64_t level,
                     bool is_root, ChunkIndex& out) {
  const size_t address_size = file.address_size, rank = grid.chunk.size();
  const auto start = file.read(address, 8);
  Cursor head{{start.data(), start.size()}};
  if (head.take(4) != "TREE" || head.number(1) != 1) throw Damage{"an index of chunks is none"};
  const uint64_t found = head.number(1), count = head.number(2);
  if (!is_root && (found != level || count == 0))
    throw Damage{"an index of chunks has a crooked tree"};
  // The bytes of a chunk, its filters that were passed over, where it begins, and 0.
  const size_t key = 4 + 4 + 8 * (rank + 1);
  const auto bytes = file.read(address + 8 + 2 * address_size, count * (key + address_size) + key);
  Cursor entries{{bytes.data(), bytes.size()}};
  std::vector<uint64_t> begin(rank);
  for (uint64_t i = 0; i < count; ++i) {
    StoredChunk chunk;
    chunk.bytes = entries.number(4);
    chunk.skipped = uint32_t(entries.number(4));
    for (uint64_t& offset : begin) offset = entries.number(8);
    entries.take(8);
    chunk.address = entries.number(address_size);
    if (found > 0) {
      walk_chunk_tree(file, grid, chunk.address, found - 1, false, out);
      continue;
    }
    chunk.number = grid.number_at(begin.data());
    if (!out.chunks.empty() && out.chunks.back().number >= chunk.number)
      throw Damage{"an index of chunks names them out of order"};
    out.chunks.push_back(chunk);
  }
}

}  // namespace detail

/// Walks once through an index that is a tree of version 1, the one that all files have but those
/// for the latest HDF5 alone: HDF5 before 1.14 looks at all chunks to say where one is.
/// @param tree  its address, as the header has it
/// @throws Damage
template <class = void>
ChunkIndex read_chunk_tree(const RawFile& file, const ChunkGrid& grid, uint64_t tree) {
  ChunkIndex out{true, {}};
  if (file.is_undefined(tree)) return out;  // no chunk was ever written
  detail::walk_chunk_tree(file, grid, tree, 0, true, out);
  return out;
}

}  // namespace hdf5
VCELL_END_NAMESPACE
