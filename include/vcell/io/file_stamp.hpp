#pragma once

#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "vcell/core/error.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/core/message.hpp"

VCELL_BEGIN_NAMESPACE

/// What tells a file from another one. A checksum of all of a large file takes as long as reading
/// it, so these are of its two ends: what changes between them alone is seen by the time alone.
struct FileStamp {
  uint64_t bytes = 0;
  std::string modified;  ///< when it was last written, UTC, to the second
  std::string first;     ///< crc32 of the first MiB, or of all where it has less
  std::string last;      ///< of the last MiB

  bool operator==(const FileStamp&) const = default;
};

/// Whether both may have the same content, whenever they were written.
inline bool same_ends(const FileStamp& a, const FileStamp& b) {
  return a.bytes == b.bytes && a.first == b.first && a.last == b.last;
}

/// For people.
template <class = void>
std::string text_of(const FileStamp& stamp) {
  return message(stamp.bytes, " bytes, written ", stamp.modified, ", crc32 ", stamp.first,
                 " of the first MiB and ", stamp.last, " of the last");
}

/// @throws IoError if it cannot be read
template <class = void>
FileStamp file_stamp(const std::filesystem::path& path) {
  struct stat status {};
  std::ifstream in(path, std::ios::binary);
  if (!in || ::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode))
    throw IoError(message("file_stamp: cannot open ", quoted(path.string()),
                          "; is it a file, and may you read it?"));
  FileStamp out;
  out.bytes = uint64_t(status.st_size);
  std::tm time{};
  char text[32];
  const std::time_t written = status.st_mtime;
  out.modified.assign(text, ::gmtime_r(&written, &time)
                                ? std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &time)
                                : 0);
  std::vector<char> part(size_t(std::min<uint64_t>(out.bytes, 1 << 20)));
  const auto checksum = [&](uint64_t from) {
    in.seekg(std::streamoff(from));
    if (!in.read(part.data(), std::streamsize(part.size())))
      throw IoError(message("file_stamp: cannot read ", quoted(path.string())));
    const auto sum = ::crc32(0, reinterpret_cast<const Bytef*>(part.data()), uInt(part.size()));
    char hex[9];
    std::snprintf(hex, sizeof hex, "%08lx", static_cast<unsigned long>(sum));
    return std::string(hex);
  };
  out.first = checksum(0);
  out.last = checksum(out.bytes - part.size());
  return out;
}

VCELL_INSTANTIATE(files, FileStamp file_stamp<void>(const std::filesystem::path&));

VCELL_END_NAMESPACE
