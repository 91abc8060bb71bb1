#pragma once

#include <algorithm>
#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/io/hdf5/dataset.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {
namespace detail {

/// Bytes of the file, and where they go.
struct Extent {
  uint64_t address = 0;
  size_t bytes = 0;
  char* to = nullptr;
};

/// Where the bytes of some rows lie that went through no filter; none where that cannot be told: a
/// chunk was never written, or there is no index of them.
template <class = void>
std::vector<Extent> plain_extents(const Dataset& d, RowRange rows, char* to) {
  std::vector<Extent> out;
  const hid_t id = d.object->id;
  const size_t element = d.element_bytes;
  if (d.chunk.empty()) {
    const haddr_t address = H5Dget_offset(id);
    if (address == HADDR_UNDEF) return {};
    out.push_back(
        {address + d.count_of({0, rows.first}) * element, d.count_of(rows) * element, to});
    return out;
  }
  if (d.index.addresses.empty()) return {};
  const size_t length = d.chunk[0];
  for (size_t start = rows.first / length * length; start < rows.last; start += length) {
    const uint64_t address = d.index.addresses[start / length];
    if (address == ChunkIndex::none) return {};
    const size_t first = std::max(start, rows.first), last = std::min(start + length, rows.last);
    out.push_back({address + (first - start) * element, (last - first) * element,
                   to + (first - rows.first) * element});
  }
  return out;
}

}  // namespace detail

/// Reads some rows whose bytes lie in the file as they are wanted, by all threads at once: HDF5
/// knows one, and copies each chunk twice.
/// @return false, and nothing of use in `to`, where this is not the way to read them: what HDF5
///         says of them is then to be had from it
template <class = void>
bool read_plain(const Dataset& d, RowRange rows, char* to) {
  constexpr size_t piece = size_t(1) << 18;
  const RawFile& raw = d.object->reading->raw;
  if (!d.filters.empty() || raw.base() != 0 || d.count_of(rows) == 0) return false;
  std::vector<detail::Extent> pieces;
  for (detail::Extent whole : detail::plain_extents(d, rows, to))
    for (; whole.bytes; whole.bytes -= pieces.back().bytes) {
      pieces.push_back({whole.address, std::min(whole.bytes, piece), whole.to});
      whole.address += pieces.back().bytes;
      whole.to += pieces.back().bytes;
    }
  if (pieces.empty()) return false;
  try {
    constexpr size_t at_once = (size_t(64) << 20) / piece;  // between two looks at the watcher
    for (size_t begin = 0; begin < pieces.size(); begin += at_once) {
      if (begin) d.object->watch();
      parallel_for(std::min(at_once, pieces.size() - begin), 1, [&](size_t first, size_t last) {
        for (size_t i = begin + first; i < begin + last; ++i)
          raw.read(pieces[i].address, pieces[i].bytes, pieces[i].to);
      });
    }
  } catch (const Damage&) {
    return false;
  }
  return true;
}

}  // namespace hdf5
VCELL_END_NAMESPACE
