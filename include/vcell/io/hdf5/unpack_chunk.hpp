#pragma once

#include <libdeflate.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "vcell/io/hdf5/filters.hpp"
#include "vcell/io/hdf5/lzf_filter.hpp"
#include "vcell/io/hdf5/raw_file.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {

constexpr H5Z_filter_t lzf_filter = 32000;

/// Whether vcell undoes these filters itself: gzip, LZF, shuffle and fletcher32.
template <class = void>
bool are_unpacked_here(const std::vector<Filter>& filters) {
  return std::all_of(filters.begin(), filters.end(), [](const Filter& f) {
    return f.id == H5Z_FILTER_DEFLATE || f.id == lzf_filter || f.id == H5Z_FILTER_SHUFFLE ||
           f.id == H5Z_FILTER_FLETCHER32;
  });
}

/// The most bytes that a chunk takes as it is stored: where packing gains nothing, gzip adds a few
/// bytes to what it was given.
constexpr size_t most_packed(size_t chunk_bytes) { return 2 * chunk_bytes + 64; }

namespace detail {

/// Fletcher's sum of 16-bit words, high byte first, as HDF5 computes it.
template <class = void>
uint32_t fletcher32(const char* bytes, size_t n) {
  uint32_t sum = 0, sums = 0;
  for (size_t i = 0; i < n; i += 2) {
    sum += uint32_t(uint8_t(bytes[i])) << 8 | (i + 1 < n ? uint8_t(bytes[i + 1]) : 0);
    sums += sum = (sum & 0xffff) + (sum >> 16);
    sums = (sums & 0xffff) + (sums >> 16);
  }
  return sums << 16 | sum;
}

/// Checks the sum at the end of a chunk. HDF5 before 1.6.3 swapped the bytes of its two halves.
/// @return the size of what is before it
template <class = void>
size_t check_sum(const char* bytes, size_t size) {
  if (size < 4) throw Damage{"a chunk has no room for its checksum"};
  const size_t n = size - 4;
  const auto stored = uint32_t(Cursor{{bytes + n, 4}}.number(4));
  const uint32_t found = fletcher32(bytes, n);
  if (stored != found && stored != ((found & 0xff00ff) << 8 | (found >> 8 & 0xff00ff)))
    throw Damage{"a chunk has another checksum than its bytes"};
  return n;
}

/// Elements of one word, whose bytes lie in planes. Words are put together as the machine's numbers
/// are, which compilers make wide instructions of.
template <class Word>
void unshuffle_words(const char* planes, size_t n, char* out) {
  for (size_t i = 0; i < n; ++i) {
    Word word = 0;
    for (size_t b = 0; b < sizeof(Word); ++b)
      word = Word(word | Word(Word(uint8_t(planes[b * n + i])) << (8 * b)));
    std::memcpy(out + i * sizeof(Word), &word, sizeof(Word));
  }
}

/// Undoes shuffle: first bytes of all elements, then second bytes, ... become elements again. Bytes
/// that make up no whole element stay behind them.
template <class = void>
void unshuffle(const char* packed, size_t size, size_t element_bytes, char* out) {
  const size_t n = size / element_bytes;
  constexpr bool little = std::endian::native == std::endian::little;
  if (little && element_bytes == 4)
    unshuffle_words<uint32_t>(packed, n, out);
  else if (little && element_bytes == 8)
    unshuffle_words<uint64_t>(packed, n, out);
  else if (little && element_bytes == 2)
    unshuffle_words<uint16_t>(packed, n, out);
  else
    for (size_t b = 0; b < element_bytes; ++b)
      for (size_t i = 0; i < n; ++i) out[i * element_bytes + b] = packed[b * n + i];
  std::copy(packed + n * element_bytes, packed + size, out + n * element_bytes);
}

}  // namespace detail

/// Undoes the filters of chunks, one chunk at a time; a thread keeps one for all its chunks.
class ChunkUnpacker {
 public:
  /// Room for the bytes of a chunk as it is stored.
  char* packed(size_t bytes) { return packed_.room(bytes); }

  /// Unpacks what lies in packed().
  /// @param bytes        of it
  /// @param skipped      bit i: filter i was not applied
  /// @param chunk_bytes  that must come out
  /// @param to           room for as many
  /// @throws Damage
  template <class = void>
  void unpack(const std::vector<Filter>& filters, size_t bytes, uint32_t skipped,
              size_t element_bytes, size_t chunk_bytes, char* to) {
    const auto applied = [&](size_t i) { return !(skipped >> i & 1); };
    // What goes into the first packing is the chunk; into others it may have grown a little.
    const auto changes_size = [&](size_t i) {
      return applied(i) && filters[i].id != H5Z_FILTER_SHUFFLE;
    };
    const char* now = packed_.bytes.get();
    size_t size = bytes;
    Room* next = &rooms_[0];
    for (size_t i = filters.size(); i-- > 0;) {
      if (!applied(i)) continue;
      const H5Z_filter_t id = filters[i].id;
      if (id == H5Z_FILTER_FLETCHER32) {
        size = detail::check_sum(now, size);
        continue;
      }
      bool is_last = true;
      size_t most = chunk_bytes;
      for (size_t k = 0; k < i; ++k) {
        is_last = is_last && !applied(k);
        if (changes_size(k)) most = most_packed(chunk_bytes);
      }
      if (id == H5Z_FILTER_SHUFFLE && size > most)
        throw Damage{"a chunk has not the size of its elements"};
      char* const out = is_last ? to : next->room(most);
      if (id == H5Z_FILTER_DEFLATE)
        size = inflate(now, size, most, out);
      else if (id == lzf_filter)
        size = unpack_lzf(now, size, most, out);
      else
        detail::unshuffle(now, size, element_bytes, out);
      now = out;
      next = next == &rooms_[0] ? &rooms_[1] : &rooms_[0];
    }
    if (size != chunk_bytes) throw Damage{"a chunk has not the size of its elements"};
    if (now != to) std::memcpy(to, now, size);
  }

 private:
  /// Bytes that are not set before they are written.
  struct Room {
    std::unique_ptr<char[]> bytes;
    size_t size = 0;
    char* room(size_t n) {
      if (n > size || !bytes) {
        bytes.reset(new char[n]);
        size = n;
      }
      return bytes.get();
    }
  };

  /// Undoes deflate, which must give no more than `most` bytes. What follows its end is left alone,
  /// as HDF5 does.
  template <class = void>
  size_t inflate(const char* in, size_t bytes, size_t most, char* out) {
    if (!inflater_) inflater_.reset(libdeflate_alloc_decompressor());
    if (!inflater_) throw std::bad_alloc();
    size_t read = 0, made = 0;
    if (libdeflate_zlib_decompress_ex(inflater_.get(), in, bytes, out, most, &read, &made) !=
        LIBDEFLATE_SUCCESS)
      throw Damage{"a chunk cannot be unpacked with gzip"};
    return made;
  }
  /// Undoes LZF, which must give no more than `most` bytes.
  template <class = void>
  size_t unpack_lzf(const char* in, size_t bytes, size_t most, char* out) {
    const auto plain = lzf_decompress({in, bytes}, most);
    if (!plain) throw Damage{"a chunk cannot be unpacked with LZF"};
    std::copy(plain->begin(), plain->end(), out);
    return plain->size();
  }

  struct Free {
    void operator()(libdeflate_decompressor* d) const { libdeflate_free_decompressor(d); }
  };
  std::unique_ptr<libdeflate_decompressor, Free> inflater_;
  Room packed_, rooms_[2];
};

}  // namespace hdf5
VCELL_END_NAMESPACE
