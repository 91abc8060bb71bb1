#pragma once

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/io/atomic_file.hpp"

VCELL_BEGIN_NAMESPACE

/// A record to be written; its bytes are borrowed.
struct ZipContent {
  std::string name;
  std::string_view bytes;
};

namespace detail {

/// Little-endian numbers one after the other.
template <class... N>
std::string zip_numbers(N... numbers) {
  std::string out;
  const auto add = [&](auto n) { out.append(reinterpret_cast<const char*>(&n), sizeof n); };
  (add(numbers), ...);
  return out;
}

template <class = void>
uint32_t zip_checksum(std::string_view bytes) {
  uLong sum = ::crc32(0, nullptr, 0);
  for (size_t at = 0; at < bytes.size();) {
    const size_t n = std::min(bytes.size() - at, size_t(1) << 30);
    sum = ::crc32(sum, reinterpret_cast<const Bytef*>(bytes.data() + at), uInt(n));
    at += n;
  }
  return uint32_t(sum);
}

/// The sizes of a record, and the place of its header in the directory, as an extra field where one
/// of them does not fit into 32 bits.
template <class = void>
std::string zip_large_sizes(uint64_t size, uint64_t header) {
  if (size < UINT32_MAX && header < UINT32_MAX) return {};
  return zip_numbers(uint16_t(1), uint16_t(24), size, size, header);
}

}  // namespace detail

/// Writes a zip archive of records as they are (stored), atomically; the same records give the same
/// bytes. Where a record or the archive is too large for 32 bits, zip64 says how large.
/// @param alignment  the bytes of every record begin at a multiple of it
/// @throws FormatError if a name is longer than 1,000 bytes; IoError
template <class = void>
void write_zip(const std::filesystem::path& path, std::span<const ZipContent> records,
               size_t alignment = 64) {
  using detail::zip_numbers;
  for (const ZipContent& r : records)
    if (r.name.size() > 1000)
      throw FormatError(message("write_zip: ", quoted(path.string()), ": a record's name has ",
                                r.name.size(), " bytes, expected at most 1000"));
  write_atomically(path, [&](const std::filesystem::path& temporary) {
    std::ofstream out(temporary, std::ios::binary);
    uint64_t at = 0;
    const auto write = [&](std::string_view bytes) {
      out.write(bytes.data(), std::streamsize(bytes.size()));
      at += bytes.size();
    };
    std::string directory;
    // Version, flags (UTF-8 names), method, time and day (1 January 1980) of every record.
    const auto facts = [](bool large) {
      return zip_numbers(uint16_t(large ? 45 : 20), uint16_t(0x800), uint16_t(0), uint16_t(0),
                         uint16_t(0x21));
    };
    for (const ZipContent& r : records) {
      const uint64_t header = at, size = r.bytes.size();
      const auto name = uint16_t(r.name.size());
      const auto small = [](uint64_t n) { return uint32_t(std::min<uint64_t>(n, UINT32_MAX)); };
      std::string local = detail::zip_large_sizes(size, 0), extra;
      if (!local.empty()) local = zip_numbers(uint16_t(1), uint16_t(16), size, size);
      const uint64_t begin = at + 30 + name + local.size() + 4;  // without filling
      const auto filling = uint16_t((alignment - begin % alignment) % alignment);
      local += zip_numbers(uint16_t(0x4246), filling) + std::string(filling, 'Z');
      const uint32_t checksum = detail::zip_checksum(r.bytes);
      const uint32_t short_size = small(size);
      write("PK\3\4" + facts(size >= UINT32_MAX) +
            zip_numbers(checksum, short_size, short_size, name, uint16_t(local.size())));
      write(r.name);
      write(local);
      write(r.bytes);
      extra = detail::zip_large_sizes(size, header);
      const bool large = !extra.empty();
      const uint32_t said = large ? UINT32_MAX : short_size;
      directory +=
          "PK\1\2" + zip_numbers(uint16_t(large ? 45 : 20)) + facts(large) +
          zip_numbers(checksum, said, said, name, uint16_t(extra.size()), uint16_t(0), uint16_t(0),
                      uint16_t(0), uint32_t(0), large ? UINT32_MAX : uint32_t(header)) +
          r.name + extra;
    }
    const uint64_t begin = at, bytes = directory.size(), n = records.size();
    write(directory);
    const bool large = begin >= UINT32_MAX || bytes >= UINT32_MAX || n >= UINT16_MAX;
    const uint64_t end = at;
    if (large) {
      write("PK\6\6" + zip_numbers(uint64_t(44), uint16_t(45), uint16_t(45), uint32_t(0),
                                   uint32_t(0), n, n, bytes, begin));
      write("PK\6\7" + zip_numbers(uint32_t(0), end, uint32_t(1)));
    }
    write("PK\5\6" + zip_numbers(uint16_t(0), uint16_t(0), uint16_t(large ? UINT16_MAX : n),
                                 uint16_t(large ? UINT16_MAX : n),
                                 large ? UINT32_MAX : uint32_t(bytes),
                                 large ? UINT32_MAX : uint32_t(begin), uint16_t(0)));
    out.close();
    if (!out)
      throw WriteError(message("write_zip: cannot write ", quoted(path.string()),
                               "; is the disk full, or the folder read-only?"));
  });
}

VCELL_INSTANTIATE(files, void write_zip<void>(const std::filesystem::path&,
                                              std::span<const ZipContent>, size_t));

VCELL_END_NAMESPACE
