#pragma once

#include <libdeflate.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <vector>

#include "vcell/core/parallel_for.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {

/// Packs chunks of numbers the way that HDF5's filters shuffle and deflate do, on all threads: a
/// compressor for each, and room for the chunks of one round, are kept from one dataset to the
/// next.
class ChunkPacker {
 public:
  /// A chunk as it is put into a file.
  struct Packed {
    std::span<const std::byte> bytes;
    bool as_it_was = false;  ///< packing would not make it smaller: no filter was applied
  };

  /// @param level  of gzip, 1 .. 9; 0: nothing is packed
  explicit ChunkPacker(int level) : level_(level), threads_(size_t(num_threads())) {}

  int level() const { return level_; }

  /// Packs chunks of one size; the result lives until the next call. The same bytes for any number
  /// of threads.
  /// @param group  bytes of an element that are to be shuffled, byte 0 of all elements first, which
  ///               whole numbers gain from; 1: they are not
  template <class = void>
  std::span<const Packed> pack(std::span<const std::span<const std::byte>> chunks, size_t group);

 private:
  struct Release {
    void operator()(libdeflate_compressor* c) const { libdeflate_free_compressor(c); }
  };
  struct Thread {
    std::unique_ptr<libdeflate_compressor, Release> compressor;
    std::vector<std::byte> shuffled;
  };

  template <class = void>
  Packed pack(std::span<const std::byte> chunk, size_t group, Thread& thread, std::byte* room);

  int level_;
  std::vector<Thread> threads_;
  std::vector<std::byte> room_;
  std::vector<Packed> packed_;
};

template <class>
std::span<const ChunkPacker::Packed> ChunkPacker::pack(
    std::span<const std::span<const std::byte>> chunks, size_t group) {
  packed_.assign(chunks.size(), {});
  if (chunks.empty()) return packed_;
  const size_t size = chunks.front().size();
  if (level_ > 0 && room_.size() < size * chunks.size()) room_.resize(size * chunks.size());
  parallel_for(level_ > 0 ? chunks.size() : 0, 1, [&](size_t first, size_t last) {
    Thread& thread = threads_[thread_index(global_thread_pool())];
    for (size_t i = first; i < last; ++i)
      packed_[i] = pack(chunks[i], group, thread, room_.data() + i * size);
  });
  if (level_ == 0)
    for (size_t i = 0; i < chunks.size(); ++i) packed_[i] = {chunks[i], false};
  return packed_;
}

template <class>
ChunkPacker::Packed ChunkPacker::pack(std::span<const std::byte> chunk, size_t group,
                                      Thread& thread, std::byte* room) {
  if (!thread.compressor) thread.compressor.reset(libdeflate_alloc_compressor(level_));
  if (!thread.compressor) throw std::bad_alloc();
  const std::byte* from = chunk.data();
  if (group > 1) {
    const size_t n = chunk.size() / group;
    thread.shuffled.resize(chunk.size());
    for (size_t b = 0; b < group; ++b) {
      std::byte* const to = thread.shuffled.data() + b * n;
      for (size_t i = 0; i < n; ++i) to[i] = from[i * group + b];
    }
    from = thread.shuffled.data();
  }
  // Where it has no room to get larger, libdeflate says 0.
  const size_t size =
      libdeflate_zlib_compress(thread.compressor.get(), from, chunk.size(), room, chunk.size() - 1);
  if (size == 0) return {chunk, true};
  return {{room, size}, false};
}

}  // namespace hdf5
VCELL_END_NAMESPACE
