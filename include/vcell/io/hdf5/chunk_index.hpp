#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "vcell/io/hdf5/check_header.hpp"
#include "vcell/io/hdf5/raw_file.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {

/// Where the chunks of a list lie, by their number; `none` for one that was never written.
struct ChunkIndex {
  static constexpr uint64_t none = ~uint64_t(0);
  std::vector<uint64_t> addresses;
};

namespace detail {

/// What a walk through an index needs to know.
struct ChunkWalk {
  const RawFile& file;
  uint64_t length;  ///< elements of a chunk
  uint64_t bytes;   ///< of a chunk
  ChunkIndex& out;
  uint64_t nodes_left;
};

/// A node of an index that is a tree of version 1 (section III.A.1), and what is below it.
template <class = void>
void walk_chunk_tree(ChunkWalk& walk, uint64_t address, uint64_t level, bool is_root) {
  if (walk.nodes_left-- == 0) throw Damage{"an index of chunks goes on in a circle"};
  const size_t address_size = walk.file.address_size;
  const auto start = walk.file.read(address, 8);
  Cursor head{{start.data(), start.size()}};
  if (head.take(4) != "TREE" || head.number(1) != 1) throw Damage{"an index of chunks is none"};
  const uint64_t found = head.number(1), count = head.number(2);
  if (!is_root && found != level) throw Damage{"an index of chunks has a crooked tree"};
  // Of a list: the bytes of a chunk, its filters that were passed over, where it begins, and 0.
  constexpr size_t key = 4 + 4 + 2 * 8;
  const auto bytes =
      walk.file.read(address + 8 + 2 * address_size, count * (key + address_size) + key);
  Cursor entries{{bytes.data(), bytes.size()}};
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t size = entries.number(4);
    entries.take(4);
    const uint64_t begin = entries.number(8);
    entries.take(8);
    const uint64_t child = entries.number(address_size);
    if (found > 0) {
      walk_chunk_tree(walk, child, found - 1, false);
      continue;
    }
    const uint64_t number = begin / walk.length;
    if (begin % walk.length || size != walk.bytes || number >= walk.out.addresses.size())
      throw Damage{"an index of chunks has one that is none"};
    walk.out.addresses[number] = child;
  }
}

}  // namespace detail

/// Walks once through the index of a list in chunks that went through no filter: HDF5 before 1.14
/// looks at all chunks to say where one is.
/// @param header  of the dataset, where it lies in the file
/// @param count   elements of the list
/// @param length  of a chunk
/// @return        without addresses where the index is of a kind that is left to HDF5
/// @throws Damage
template <class = void>
ChunkIndex read_chunk_index(RawFile& file, uint64_t header, uint64_t count, uint64_t length,
                            uint64_t element_bytes) {
  ChunkIndex out;
  const auto tree = detail::read_header(file, header, false).chunk_tree;
  if (!tree || file.left(*tree) == 0) return out;
  const uint64_t chunks = count / length + (count % length != 0);
  // Each takes a place in the file and one in the index.
  if (chunks > file.size() / element_bytes) return out;
  out.addresses.assign(size_t(chunks), ChunkIndex::none);
  detail::ChunkWalk walk{file, length, length * element_bytes, out, file.size() / 8};
  detail::walk_chunk_tree(walk, *tree, 0, true);
  return out;
}

}  // namespace hdf5
VCELL_END_NAMESPACE
