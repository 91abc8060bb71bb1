#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/io/hdf5/chunk_cache.hpp"
#include "vcell/io/hdf5/dataset.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {

/// Some rows of a dataset, and where their elements go.
struct RowPiece {
  RowRange rows;
  char* to = nullptr;
};

namespace detail {

/// What is read between two looks at the watcher, and so the most that is unpacked at once, but for
/// a chunk that is larger.
inline constexpr size_t bytes_at_once = size_t(64) << 20;
/// What a thread takes at a time.
inline constexpr size_t bytes_of_task = size_t(1) << 18;

/// Reads some rows of a dataset; what read_stored does.
class StoredReader {
 public:
  StoredReader(const Dataset& d, std::span<const RowPiece> pieces, ChunkCache* cache)
      : d_(d), pieces_(pieces), cache_(cache), row_bytes_(d.count_of({0, 1}) * d.element_bytes) {}

  template <class = void>
  void read() {
    const bool plain = d_.filters.empty();
    if (!d_.in_chunks()) {
      d_.object->reading->raw.check(*d_.address, d_.count * d_.element_bytes);
      for (const RowPiece& piece : pieces_)
        add_extent(*d_.address + piece.rows.first * row_bytes_, size_of(piece.rows), piece.to);
      read_extents();
      return;
    }
    // Chunks as wide as the rows hold rows as they are wanted; others hold parts of rows.
    is_wide_ = std::equal(d_.grid.chunk.begin() + 1, d_.grid.chunk.end(), d_.shape.begin() + 1);
    if (plain && is_wide_) return read_plain_chunks();
    find_wanted();
    read_wanted();
  }

 private:
  size_t size_of(RowRange rows) const { return (rows.last - rows.first) * row_bytes_; }

  // Bytes of the file that are wanted as they are.

  struct Extent {
    uint64_t address;
    size_t bytes;
    char* to;
  };

  template <class = void>
  void add_extent(uint64_t address, size_t bytes, char* to) {
    while (bytes > 0) {
      Extent* const last = extents_.empty() ? nullptr : &extents_.back();
      if (last && last->address + last->bytes == address && last->to + last->bytes == to &&
          last->bytes < bytes_of_task) {
        const size_t more = std::min(bytes, bytes_of_task - last->bytes);
        last->bytes += more;
        address += more, to += more, bytes -= more;
        continue;
      }
      const size_t n = std::min(bytes, bytes_of_task);
      extents_.push_back({address, n, to});
      address += n, to += n, bytes -= n;
    }
  }

  /// Small extents go to a thread many at a time.
  template <class = void>
  void read_extents() {
    const RawFile& raw = d_.object->reading->raw;
    std::vector<size_t> tasks{0};  // where each begins
    for (size_t i = 0, bytes = 0; i < extents_.size(); ++i) {
      bytes += extents_[i].bytes + 1024;  // a call costs something too
      if (bytes < bytes_of_task && i + 1 < extents_.size()) continue;
      tasks.push_back(i + 1);
      bytes = 0;
    }
    constexpr size_t at_once = bytes_at_once / bytes_of_task;
    for (size_t begin = 0; begin + 1 < tasks.size(); begin += at_once) {
      if (begin) d_.object->watch();
      parallel_for(std::min(at_once, tasks.size() - 1 - begin), 1, [&](size_t first, size_t last) {
        for (size_t i = tasks[begin + first]; i < tasks[begin + last]; ++i)
          raw.read(extents_[i].address, extents_[i].bytes, extents_[i].to);
      });
    }
  }

  template <class = void>
  void read_plain_chunks() {
    const size_t length = d_.grid.chunk[0];
    for (const RowPiece& piece : pieces_)
      for (size_t row = piece.rows.first, end; row < piece.rows.last; row = end) {
        end = std::min(piece.rows.last, (row / length + 1) * length);
        char* const to = piece.to + size_of({piece.rows.first, row});
        if (const StoredChunk* chunk = d_.index.find(row / length)) {
          check_size(*chunk);
          add_extent(chunk->address + size_of({row / length * length, row}), size_of({row, end}),
                     to);
        } else {
          fill(to, (end - row) * (row_bytes_ / d_.element_bytes));
        }
      }
    read_extents();
  }

  // Chunks that are unpacked.

  /// A chunk and the pieces that want some of it.
  struct Wanted {
    uint64_t number;
    size_t first, last;  // of pieces_of_
  };

  template <class = void>
  void find_wanted() {
    const size_t length = d_.grid.chunk[0];
    std::vector<std::pair<size_t, size_t>> lines;  // of chunks, and pieces
    for (size_t i = 0; i < pieces_.size(); ++i)
      if (const RowRange rows = pieces_[i].rows; rows.first < rows.last)
        for (size_t line = rows.first / length; line <= (rows.last - 1) / length; ++line)
          lines.emplace_back(line, i);
    if (!std::is_sorted(lines.begin(), lines.end())) std::sort(lines.begin(), lines.end());
    const size_t across = d_.grid.chunks / d_.grid.grid[0];
    for (size_t begin = 0, end; begin < lines.size(); begin = end) {
      for (end = begin; end < lines.size() && lines[end].first == lines[begin].first; ++end)
        pieces_of_.push_back(lines[end].second);
      for (size_t k = 0; k < across; ++k)
        wanted_.push_back({lines[begin].first * across + k, begin, end});
    }
  }

  struct Scratch {
    ChunkUnpacker unpacker;
    std::unique_ptr<char[]> chunk;
  };

  template <class = void>
  void read_wanted() {
    const size_t bytes = d_.grid.chunk_bytes;
    const size_t batch = std::max<size_t>(1, bytes_at_once / bytes);
    std::vector<Scratch> scratch(static_cast<size_t>(num_threads()));
    for (size_t begin = 0; begin < wanted_.size(); begin += batch) {
      if (begin) d_.object->watch();
      const size_t n = std::min(batch, wanted_.size() - begin);
      if (!d_.index.known) fetch(begin, n);
      parallel_for(n, std::max<size_t>(1, bytes_of_task / bytes), [&](size_t first, size_t last) {
        Scratch& mine = scratch[thread_index(global_thread_pool())];
        for (size_t i = first; i < last; ++i) read_chunk(wanted_[begin + i], i, mine);
      });
    }
  }

  /// Whether one piece wants all of a chunk, so that nobody will come back for the rest.
  bool is_whole(const Wanted& wanted, size_t& from, size_t& until) const {
    const size_t length = d_.grid.chunk[0];
    from = size_t(wanted.number) / (d_.grid.chunks / d_.grid.grid[0]) * length;
    until = std::min(from + length, d_.shape[0]);
    const RowRange rows = pieces_[pieces_of_[wanted.first]].rows;
    return wanted.last - wanted.first == 1 && rows.first <= from && rows.last >= until;
  }

  /// @param i  its place in the batch
  template <class = void>
  void read_chunk(const Wanted& wanted, size_t i, Scratch& scratch) {
    const size_t bytes = d_.grid.chunk_bytes;
    size_t from = 0, until = 0;
    const bool whole = is_whole(wanted, from, until);
    if (whole && is_wide_ && until - from == d_.grid.chunk[0]) {
      const RowPiece& piece = pieces_[pieces_of_[wanted.first]];
      unpack(wanted.number, i, scratch, piece.to + size_of({piece.rows.first, from}));
      return;
    }
    if (cache_)
      if (const auto kept = cache_->find(wanted.number)) return place(wanted, kept.get());
    if (cache_ && !whole) {
      const std::shared_ptr<char[]> chunk(new char[bytes]);
      unpack(wanted.number, i, scratch, chunk.get());
      place(wanted, chunk.get());
      cache_->keep(wanted.number, chunk, bytes);
      return;
    }
    if (!scratch.chunk) scratch.chunk.reset(new char[bytes]);
    unpack(wanted.number, i, scratch, scratch.chunk.get());
    place(wanted, scratch.chunk.get());
  }

  template <class = void>
  void check_size(const StoredChunk& chunk) const {
    const bool right = d_.filters.empty() ? chunk.bytes == d_.grid.chunk_bytes
                                          : chunk.bytes <= most_packed(d_.grid.chunk_bytes);
    const RawFile& raw = d_.object->reading->raw;
    if (!right || chunk.bytes == 0 || chunk.bytes > raw.size())
      throw Damage{"a chunk has an impossible size"};
    if (d_.index.known) raw.check(chunk.address, chunk.bytes);
  }

  /// A chunk, as it is in memory.
  template <class = void>
  void unpack(uint64_t number, size_t i, Scratch& scratch, char* to) {
    const size_t bytes = d_.grid.chunk_bytes;
    size_t packed = 0;
    uint32_t skipped = 0;
    if (!d_.index.known) {
      packed = fetched_[i].bytes.size();
      skipped = fetched_[i].skipped;
      std::copy(fetched_[i].bytes.begin(), fetched_[i].bytes.end(),
                scratch.unpacker.packed(packed));
    } else if (const StoredChunk* chunk = d_.index.find(number)) {
      check_size(*chunk);
      packed = size_t(chunk->bytes);
      skipped = chunk->skipped;
      d_.object->reading->raw.read(chunk->address, packed, scratch.unpacker.packed(packed));
    }
    if (packed == 0) return fill(to, bytes / d_.element_bytes);  // it was never written
    if (d_.plain_edges) {
      const auto start = d_.grid.start_of(size_t(number));
      for (size_t k = 0; k < start.size(); ++k)
        if (start[k] + d_.grid.chunk[k] > d_.shape[k]) skipped = ~uint32_t(0);
    }
    scratch.unpacker.unpack(d_.filters, packed, skipped, d_.element_bytes, bytes, to);
  }

  template <class = void>
  void fill(char* to, size_t count) const {
    const std::vector<char>& value = d_.filling;
    if (value.empty()) {
      std::memset(to, 0, count * d_.element_bytes);
      return;
    }
    for (size_t i = 0; i < count; ++i) std::copy(value.begin(), value.end(), to + i * value.size());
  }

  /// Copies what the pieces want of a chunk, without what reaches beyond the shape.
  template <class = void>
  void place(const Wanted& wanted, const char* chunk) const {
    const auto start = d_.grid.start_of(size_t(wanted.number));
    for (size_t i = wanted.first; i < wanted.last; ++i) {
      const RowPiece& piece = pieces_[pieces_of_[i]];
      const RowRange rows{std::max(piece.rows.first, start[0]),
                          std::min(piece.rows.last, start[0] + d_.grid.chunk[0])};
      char* const to = piece.to + size_of({piece.rows.first, rows.first});
      if (is_wide_)
        std::memcpy(to, chunk + size_of({start[0], rows.first}), size_of(rows));
      else
        for (size_t row = rows.first; row < rows.last; ++row)
          place_row(start, chunk + (row - start[0]) * (d_.grid.chunk_bytes / d_.grid.chunk[0]),
                    to + size_of({rows.first, row}));
    }
  }

  /// Copies what a chunk has of one row.
  template <class = void>
  void place_row(const std::vector<size_t>& start, const char* from, char* to_row) const {
    const size_t rank = d_.shape.size(), element = d_.element_bytes;
    const std::vector<size_t>& chunk = d_.grid.chunk;
    const size_t line = std::min(chunk[rank - 1], d_.shape[rank - 1] - start[rank - 1]);
    std::vector<size_t> at(rank, 0);
    const char* const end = from + d_.grid.chunk_bytes / chunk[0];
    for (; from < end; from += chunk[rank - 1] * element) {
      bool inside = true;
      size_t to = 0;
      for (size_t i = 1; i < rank; ++i) {
        inside = inside && start[i] + at[i] < d_.shape[i];
        to = to * d_.shape[i] + start[i] + at[i];
      }
      if (inside) std::memcpy(to_row + to * element, from, line * element);
      for (size_t i = rank - 1; i-- > 1 && ++at[i] == chunk[i];) at[i] = 0;
    }
  }

  // Chunks whose places HDF5 keeps for itself.

  struct Fetched {
    std::vector<char> bytes;
    uint32_t skipped = 0;
  };

  /// HDF5 fetches chunks as they are stored, for all threads to unpack.
  template <class = void>
  void fetch(size_t begin, size_t n) {
    const Object& object = *d_.object;
    fetched_.assign(n, {});
    hsize_t written = 0;
    for (size_t i = 0; i < n; ++i) {
      const auto start = d_.grid.start_of(size_t(wanted_[begin + i].number));
      const std::vector<hsize_t> at(start.begin(), start.end());
      hsize_t bytes = 0;
      if (H5Dget_chunk_storage_size(object.id, at.data(), &bytes) < 0 || bytes == 0) {
        if (written == 0)
          object.check(H5Dget_num_chunks(object.id, d_.space, &written), "count its chunks");
        if (written >= d_.grid.chunks) throw Damage{"a chunk cannot be found"};
        continue;
      }
      check_size({wanted_[begin + i].number, 0, bytes, 0});
      // HDF5 writes as many bytes as the file says a chunk has, which is the size asked for.
      std::vector<char>& to = fetched_[i].bytes;
      to.resize(size_t(bytes));
#if H5_VERSION_GE(2, 0, 0)
      size_t size = to.size();
      const herr_t status =
          H5Dread_chunk2(object.id, H5P_DEFAULT, at.data(), &fetched_[i].skipped, to.data(), &size);
#else
      const herr_t status =
          H5Dread_chunk(object.id, H5P_DEFAULT, at.data(), &fetched_[i].skipped, to.data());
#endif
      object.check(status, "read a chunk");
    }
  }

  const Dataset& d_;
  std::span<const RowPiece> pieces_;
  ChunkCache* cache_;
  size_t row_bytes_;
  bool is_wide_ = false;
  std::vector<Extent> extents_;
  std::vector<Wanted> wanted_;
  std::vector<size_t> pieces_of_;  // of wanted chunks
  std::vector<Fetched> fetched_;   // of the batch
};

}  // namespace detail

/// Reads rows of a dataset as they are stored, of which Dataset::read_here says that this is the
/// way: from where they lie in the file, by all threads at once. HDF5 knows one, copies each chunk
/// twice, and reads beyond a chunk that unpacks to less than it should. HDF5 is called only where
/// it alone knows the places of the chunks, so that several threads may read one dataset.
/// @param pieces  in any order; rows may be in several of them
/// @param cache   keeps chunks of which parts were read, for those that want the rest
/// @throws FormatError if what is read of it is damaged
template <class = void>
void read_stored(const Dataset& d, std::span<const RowPiece> pieces, ChunkCache* cache = nullptr) {
  try {
    if (d.damage) throw *d.damage;
    detail::StoredReader(d, pieces, cache).read();
  } catch (const Damage& damage) {
    d.object->fail(damage.what, "; ", damage.verdict);
  }
}

}  // namespace hdf5
VCELL_END_NAMESPACE
