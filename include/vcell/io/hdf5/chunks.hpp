#pragma once

#include <zlib.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/io/hdf5/dataset.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {
namespace detail {

/// Undoes deflate, which must give no more than this many bytes.
template <class = void>
std::vector<char> inflate_chunk(const std::vector<char>& packed, size_t most) {
  std::vector<char> out(most);
  uLongf size = uLongf(most);
  const int status =
      uncompress(reinterpret_cast<Bytef*>(out.data()), &size,
                 reinterpret_cast<const Bytef*>(packed.data()), uLong(packed.size()));
  if (status != Z_OK) throw Damage{"a chunk cannot be unpacked with gzip"};
  out.resize(size_t(size));
  return out;
}

/// Undoes LZF, which must give no more than this many bytes.
template <class = void>
std::vector<char> unpack_lzf(const std::vector<char>& packed, size_t most) {
  auto out = lzf_decompress({packed.data(), packed.size()}, most);
  if (!out) throw Damage{"a chunk cannot be unpacked with LZF"};
  return std::move(*out);
}

/// Fletcher's sum of 16-bit words, high byte first, as HDF5 computes it.
template <class = void>
uint32_t fletcher32(const std::vector<char>& bytes, size_t n) {
  uint32_t sum = 0, sums = 0;
  for (size_t i = 0; i < n; i += 2) {
    sum += uint32_t(uint8_t(bytes[i])) << 8 | (i + 1 < n ? uint8_t(bytes[i + 1]) : 0);
    sums += sum = (sum & 0xffff) + (sum >> 16);
    sums = (sums & 0xffff) + (sums >> 16);
  }
  return sums << 16 | sum;
}

/// Takes the sum off the end of a chunk. HDF5 before 1.6.3 swapped the bytes of its two halves.
template <class = void>
void check_sum(std::vector<char>& chunk) {
  if (chunk.size() < 4) throw Damage{"a chunk has no room for its checksum"};
  const size_t n = chunk.size() - 4;
  const auto stored = uint32_t(Cursor{{chunk.data() + n, 4}}.number(4));
  const uint32_t found = fletcher32(chunk, n);
  if (stored != found && stored != ((found & 0xff00ff) << 8 | (found >> 8 & 0xff00ff)))
    throw Damage{"a chunk has another checksum than its bytes"};
  chunk.resize(n);
}

/// Undoes shuffle: first bytes of all elements, then second bytes, ... become elements again. Bytes
/// that make up no whole element stay behind them.
template <class = void>
std::vector<char> unshuffle(const std::vector<char>& packed, size_t element_bytes) {
  std::vector<char> out(packed);
  const size_t n = packed.size() / element_bytes;
  for (size_t b = 0; b < element_bytes; ++b)
    for (size_t i = 0; i < n; ++i) out[i * element_bytes + b] = packed[b * n + i];
  return out;
}

/// Sets some elements, zeros before, to what those that were never written are.
template <class = void>
void fill(const Dataset& d, size_t count, char* elements) {
  const Handle creation(H5Dget_create_plist(d.object->id));
  H5D_fill_value_t defined = H5D_FILL_VALUE_UNDEFINED;
  H5Pfill_value_defined(creation, &defined);
  if (defined != H5D_FILL_VALUE_USER_DEFINED || H5Tis_variable_str(d.type) > 0) return;
  std::vector<char> value(d.element_bytes);
  d.object->check(H5Pget_fill_value(creation, d.type, value.data()), "read its fill value");
  for (size_t i = 0; i < count; ++i)
    std::copy(value.begin(), value.end(), elements + i * d.element_bytes);
}

/// Copies what a chunk that begins at `start` has of some rows to its place among them, without
/// what reaches beyond the shape. Both are row major.
template <class = void>
void place_chunk(const Dataset& d, const std::vector<size_t>& start, const std::vector<char>& chunk,
                 RowRange rows, char* to_rows) {
  const size_t rank = d.shape.size(), element = d.element_bytes;
  if (rank == 1) {
    const size_t begin = std::max(start[0], rows.first),
                 end = std::min(start[0] + d.chunk[0], rows.last);
    if (begin < end)
      std::copy_n(chunk.data() + (begin - start[0]) * element, (end - begin) * element,
                  to_rows + (begin - rows.first) * element);
    return;
  }
  const size_t line = std::min(d.chunk[rank - 1], d.shape[rank - 1] - start[rank - 1]);
  std::vector<size_t> at(rank, 0);
  for (size_t from = 0; from < chunk.size(); from += d.chunk[rank - 1] * element) {
    const size_t row = start[0] + at[0];
    bool inside = row >= rows.first && row < rows.last;
    size_t to = row - rows.first;
    for (size_t i = 1; i < rank; ++i) {
      inside = inside && start[i] + at[i] < d.shape[i];
      to = to * d.shape[i] + start[i] + at[i];
    }
    if (inside) std::copy_n(chunk.data() + from, line * element, to_rows + to * element);
    for (size_t i = rank - 1; i-- > 0 && ++at[i] == d.chunk[i];) at[i] = 0;
  }
}

/// The stored bytes of a chunk.
/// @param skipped  bit i: filter i was not applied
template <class = void>
herr_t read_chunk(hid_t dataset, const hsize_t* start, uint32_t& skipped, std::vector<char>& out) {
#if H5_VERSION_GE(2, 0, 0)
  size_t size = out.size();
  return H5Dread_chunk2(dataset, H5P_DEFAULT, start, &skipped, out.data(), &size);
#else
  return H5Dread_chunk(dataset, H5P_DEFAULT, start, &skipped, out.data());
#endif
}

}  // namespace detail

/// Unpacks the chunks of a dataset that hold some of its rows, and calls place(start, bytes) for
/// each, possibly from several threads at once. HDF5 would read beyond a chunk that unpacks to less
/// than it should, and knows one thread only. Chunks that were never written are passed over.
/// @param skip  of a chunk's start: whether it is not wanted
/// @return false when this is not the way to read the dataset: it is stored in one piece, or went
///         through no filter, or through others than gzip, LZF, shuffle and fletcher32
/// @throws FormatError if a chunk is damaged, or one that was written cannot be found
template <class Place, class Skip>
bool unpack_chunks(const Dataset& d, RowRange rows, Place&& place, Skip&& skip) {
  constexpr H5Z_filter_t lzf = 32000;
  for (const Filter& f : d.filters)
    if (f.id != H5Z_FILTER_DEFLATE && f.id != lzf && f.id != H5Z_FILTER_SHUFFLE &&
        f.id != H5Z_FILTER_FLETCHER32)
      return false;
  if (d.chunk.empty()) return false;
  if (d.count == 0 || rows.first == rows.last) return true;

  const size_t rank = d.shape.size(), element = d.element_bytes;
  size_t chunk_bytes = element, all_chunks = 1;
  std::vector<size_t> grid(rank);
  for (size_t i = 0; i < rank; ++i) {
    chunk_bytes *= d.chunk[i];
    grid[i] = (d.shape[i] + d.chunk[i] - 1) / d.chunk[i];
    all_chunks *= grid[i];
  }
  const size_t first_line = rows.first / d.chunk[0],
               lines = (rows.last + d.chunk[0] - 1) / d.chunk[0] - first_line,
               chunks = all_chunks / grid[0] * lines;
  // Where packing gains nothing, gzip adds a few bytes to what it was given.
  const size_t most_packed = 2 * chunk_bytes + 64;
  hsize_t written = 0;
  d.object->check(H5Dget_num_chunks(d.object->id, d.space, &written), "count its chunks");
  size_t missing = all_chunks - std::min<size_t>(all_chunks, size_t(written));
  struct Packed {
    std::vector<size_t> start;
    std::vector<char> bytes;
    uint32_t skipped = 0;  // bit i: filter i was not applied
  };
  const auto is_plain = [&](const Packed& chunk) {
    bool beyond = false;
    for (size_t i = 0; i < rank; ++i) beyond |= chunk.start[i] + d.chunk[i] > d.shape[i];
    return d.plain_edges && beyond;
  };
  const auto unpack = [&](Packed& chunk) {
    if (chunk.bytes.empty()) return;
    if (is_plain(chunk)) chunk.skipped = ~uint32_t(0);
    // What goes in for the last packing is the chunk; for others it may have grown a little.
    const auto changes_size = [&](size_t i) {
      return d.filters[i].id != H5Z_FILTER_SHUFFLE && !(chunk.skipped >> i & 1);
    };
    for (size_t i = d.filters.size(); i-- > 0;) {
      if (chunk.skipped >> i & 1) continue;
      size_t most = chunk_bytes;
      for (size_t k = 0; k < i; ++k)
        if (changes_size(k)) most = most_packed;
      const H5Z_filter_t id = d.filters[i].id;
      if (id == H5Z_FILTER_FLETCHER32)
        detail::check_sum(chunk.bytes);
      else
        chunk.bytes = id == H5Z_FILTER_DEFLATE ? detail::inflate_chunk(chunk.bytes, most)
                      : id == lzf              ? detail::unpack_lzf(chunk.bytes, most)
                                               : detail::unshuffle(chunk.bytes, element);
    }
    if (chunk.bytes.size() != chunk_bytes) throw Damage{"a chunk has not the size of its elements"};
    place(chunk.start, chunk.bytes);
  };

  // HDF5 fetches a batch of packed chunks, then all threads unpack it.
  const size_t batch = std::clamp<size_t>((size_t(64) << 20) / chunk_bytes, 1, 256);
  std::vector<Packed> packed;
  std::vector<size_t> at(rank, 0);
  at[0] = first_line;
  try {
    for (size_t done = 0; done < chunks;) {
      if (done) d.object->watch();
      packed.assign(std::min(batch, chunks - done), {});
      for (Packed& chunk : packed) {
        std::vector<hsize_t> start(rank);
        for (size_t i = 0; i < rank; ++i) start[i] = at[i] * d.chunk[i];
        chunk.start.assign(start.begin(), start.end());
        for (size_t i = rank; i-- > 0 && ++at[i] == grid[i];) at[i] = 0;
        if (skip(chunk.start)) continue;
        hsize_t bytes = 0;
        if (H5Dget_chunk_storage_size(d.object->id, start.data(), &bytes) < 0 || bytes == 0) {
          if (missing-- == 0) throw Damage{"a chunk cannot be found"};
          continue;
        }
        if (d.filters.empty()) continue;
        if (bytes > most_packed || bytes > d.object->reading->file_bytes)
          throw Damage{"a chunk has an impossible size"};
        chunk.bytes.resize(size_t(bytes));
        d.object->check(detail::read_chunk(d.object->id, start.data(), chunk.skipped, chunk.bytes),
                        "read a chunk");
      }
      done += packed.size();
      parallel_for(packed.size(), 1, [&](size_t begin, size_t end) {
        for (size_t i = begin; i < end; ++i) unpack(packed[i]);
      });
    }
  } catch (const Damage& damage) {
    d.object->fail(damage.what, "; ", damage.verdict);
  }
  // H5Dread_chunk would write as many bytes as the file says a chunk has. That is the size asked
  // for above where there are filters; else H5Dread goes by the shape, since open_file turns its
  // cache off.
  return !d.filters.empty();
}

}  // namespace hdf5
VCELL_END_NAMESPACE
