#pragma once

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/core/error.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/core/message.hpp"

VCELL_BEGIN_NAMESPACE

/// What the directory of a zip archive says of one record.
struct ZipRecord {
  std::string name;
  uint64_t header = 0;      ///< where in the file its own header begins
  uint64_t packed = 0;      ///< bytes in the file
  uint64_t size = 0;        ///< bytes when unpacked
  uint32_t checksum = 0;    ///< CRC-32 of these
  bool compressed = false;  ///< deflated; else stored as it is
};

namespace detail {

/// Little-endian numbers at a place of a text that has been found long enough.
template <class T>
T zip_number(std::string_view text, size_t at) {
  T value;
  std::memcpy(&value, text.data() + at, sizeof value);
  return value;
}

inline constexpr size_t zip_end_bytes = 22, zip_locator_bytes = 20, zip64_end_bytes = 56,
                        zip_entry_bytes = 46, zip_header_bytes = 30;
inline constexpr uint64_t most_zip_directory = 1 << 28;  // bytes
inline constexpr uint64_t most_inflated = 1032;          // bytes that deflate makes of one
inline constexpr uint64_t most_unpacked = 1 << 28, most_unpacked_of_one = 64;

}  // namespace detail

/// A zip archive (APPNOTE.TXT 6.3) that stays open and is read a record at a time: stored or
/// deflated records, zip64 too. It trusts nothing: a record is neither longer than its bytes in the
/// file can make it, nor shares them with another, and is compared with its checksum.
class ZipArchive {
 public:
  /// Reads the directory.
  /// @throws IoError if the file cannot be read; FormatError naming file and record if it is no
  ///         archive, is cut off, or is of several parts
  template <class = void>
  explicit ZipArchive(const std::filesystem::path& path)
      : path_(path), in_(path, std::ios::binary | std::ios::ate) {
    if (!in_ || std::filesystem::is_directory(path))
      throw IoError(message("ZipArchive: cannot open ", quoted(path.string()),
                            "; is it there, and may you read it?"));
    size_ = uint64_t(in_.tellg());
    read_directory(find_directory());
    check_records();
  }

  const std::filesystem::path& path() const { return path_; }
  /// Bytes of the whole file.
  uint64_t file_size() const { return size_; }
  /// In the order of the directory.
  const std::vector<ZipRecord>& records() const { return records_; }
  /// The record of a name; nullptr if there is none.
  template <class = void>
  const ZipRecord* find(std::string_view name) const {
    const auto found = std::lower_bound(
        order_.begin(), order_.end(), name,
        [&](size_t i, std::string_view n) { return records_[i].name.compare(n) < 0; });
    return found == order_.end() || records_[*found].name != name ? nullptr : &records_[*found];
  }

  /// The bytes of a record.
  /// @throws IoError; FormatError naming file and record if they are not those of its checksum
  template <class = void>
  std::string read(const ZipRecord& record) {
    const std::string header = read_at(record.header, detail::zip_header_bytes, record.name);
    if (!header.starts_with("PK\3\4")) fail(record.name, " has no header where it should begin");
    const uint64_t begin = record.header + detail::zip_header_bytes +
                           detail::zip_number<uint16_t>(header, 26) +
                           detail::zip_number<uint16_t>(header, 28);
    std::string packed = read_at(begin, record.packed, record.name);
    std::string bytes = record.compressed ? inflate(packed, record) : std::move(packed);
    uLong checksum = ::crc32(0, nullptr, 0);
    for (size_t at = 0; at < bytes.size();) {
      const size_t n = std::min(bytes.size() - at, size_t(1) << 30);
      checksum = ::crc32(checksum, reinterpret_cast<const Bytef*>(bytes.data() + at), uInt(n));
      at += n;
    }
    if (uint32_t(checksum) != record.checksum)
      fail(record.name, " has not the checksum that the archive gives; the file is damaged");
    return bytes;
  }

 private:
  struct Directory {
    uint64_t begin = 0, bytes = 0, records = 0;
  };

  template <class... Parts>
  [[noreturn]] void fail(std::string_view record, const Parts&... parts) const {
    throw FormatError(
        message("ZipArchive: ", quoted(path_.string()), ", record ", quoted(record), parts...));
  }
  template <class... Parts>
  [[noreturn]] void fail_whole(const Parts&... parts) const {
    throw FormatError(message("ZipArchive: ", quoted(path_.string()), parts...));
  }

  template <class = void>
  std::string read_at(uint64_t begin, uint64_t bytes, std::string_view record) {
    if (begin > size_ || bytes > size_ - begin) fail(record, " lies outside the file");
    std::string out(size_t(bytes), '\0');
    in_.clear();
    in_.seekg(std::streamoff(begin));
    if (!in_.read(out.data(), std::streamsize(bytes)))
      throw IoError(message("ZipArchive: cannot read ", quoted(path_.string())));
    return out;
  }

  /// The place of the directory, from the record at the end of the file.
  template <class = void>
  Directory find_directory() {
    using detail::zip_number;
    const uint64_t tail =
        std::min<uint64_t>(size_, detail::zip_end_bytes + detail::zip_locator_bytes + 65535);
    const std::string text = read_at(size_ - tail, tail, "end");
    size_t at = text.size() + 1;  // one past the place looked at
    for (size_t i = text.size(); i-- > 0 && at > text.size();)
      if (text.size() - i >= detail::zip_end_bytes && text.compare(i, 4, "PK\5\6", 4) == 0 &&
          i + detail::zip_end_bytes + zip_number<uint16_t>(text, i + 20) == text.size())
        at = i;
    if (at > text.size())
      fail_whole(" is no zip archive, or is cut off: it has no directory at its end");
    Directory out{zip_number<uint32_t>(text, at + 16), zip_number<uint32_t>(text, at + 12),
                  zip_number<uint16_t>(text, at + 10)};
    bool one_part = zip_number<uint16_t>(text, at + 4) == 0;
    const bool large =
        out.begin == UINT32_MAX || out.bytes == UINT32_MAX || out.records == UINT16_MAX;
    const size_t locator = at - std::min(at, detail::zip_locator_bytes);
    if (large && at >= detail::zip_locator_bytes && text.compare(locator, 4, "PK\6\7", 4) == 0) {
      const std::string end =
          read_at(zip_number<uint64_t>(text, locator + 8), detail::zip64_end_bytes, "end");
      if (!end.starts_with("PK\6\6")) fail_whole(" has no directory where its end says");
      out = {zip_number<uint64_t>(end, 48), zip_number<uint64_t>(end, 40),
             zip_number<uint64_t>(end, 32)};
      one_part = zip_number<uint32_t>(end, 16) == 0;
    }
    if (!one_part) fail_whole(" is a part of an archive of several; join them first");
    if (out.bytes > detail::most_zip_directory || out.records > out.bytes / detail::zip_entry_bytes)
      fail_whole(" has a directory of ", out.records, " records in ", out.bytes,
                 " bytes, which cannot be; the file is damaged");
    return out;
  }

  template <class = void>
  void read_directory(const Directory& directory) {
    using detail::zip_number;
    const std::string text = read_at(directory.begin, directory.bytes, "directory");
    size_t at = 0;
    for (uint64_t i = 0; i < directory.records; ++i) {
      const size_t left = text.size() - at;
      if (left < detail::zip_entry_bytes || text.compare(at, 4, "PK\1\2", 4) != 0)
        fail_whole(": its directory goes wrong at entry ", i);
      const size_t name = zip_number<uint16_t>(text, at + 28),
                   extra = zip_number<uint16_t>(text, at + 30),
                   comment = zip_number<uint16_t>(text, at + 32);
      if (left - detail::zip_entry_bytes < name + extra + comment)
        fail_whole(": its directory is cut off at entry ", i);
      ZipRecord r{text.substr(at + detail::zip_entry_bytes, name),
                  zip_number<uint32_t>(text, at + 42), zip_number<uint32_t>(text, at + 20),
                  zip_number<uint32_t>(text, at + 24), zip_number<uint32_t>(text, at + 16)};
      read_large_sizes(r,
                       std::string_view(text).substr(at + detail::zip_entry_bytes + name, extra));
      const uint16_t flags = zip_number<uint16_t>(text, at + 8),
                     method = zip_number<uint16_t>(text, at + 10);
      if (flags & 1) fail(r.name, " is encrypted, which vcell does not read");
      if (method != 0 && method != 8)
        fail(r.name, " is packed by method ", method, ", expected 0 (stored) or 8 (deflated)");
      r.compressed = method == 8;
      records_.push_back(std::move(r));
      at += detail::zip_entry_bytes + name + extra + comment;
    }
  }

  /// The sizes that do not fit into 32 bits stand in an extra field.
  template <class = void>
  void read_large_sizes(ZipRecord& r, std::string_view extra) const {
    while (extra.size() >= 4) {
      const auto id = detail::zip_number<uint16_t>(extra, 0);
      const size_t length = detail::zip_number<uint16_t>(extra, 2);
      if (length > extra.size() - 4) return;
      std::string_view field = extra.substr(4, length);
      if (id == 1)
        for (uint64_t* number : {&r.size, &r.packed, &r.header})
          if (*number == UINT32_MAX) {
            if (field.size() < 8) fail(r.name, " is large and its entry does not say how large");
            *number = detail::zip_number<uint64_t>(field, 0);
            field.remove_prefix(8);
          }
      extra.remove_prefix(4 + length);
    }
  }

  /// Every name once, every byte of the file in at most one record, sizes that can be.
  template <class = void>
  void check_records() {
    std::vector<size_t> by_place(records_.size());
    for (size_t i = 0; i < records_.size(); ++i) by_place[i] = i;
    order_ = by_place;
    std::sort(order_.begin(), order_.end(),
              [&](size_t a, size_t b) { return records_[a].name < records_[b].name; });
    for (size_t i = 1; i < order_.size(); ++i)
      if (records_[order_[i - 1]].name == records_[order_[i]].name)
        fail(records_[order_[i]].name, " comes twice");
    std::sort(by_place.begin(), by_place.end(),
              [&](size_t a, size_t b) { return records_[a].header < records_[b].header; });
    uint64_t end = 0, unpacked = 0;
    for (const size_t i : by_place) {
      const ZipRecord& r = records_[i];
      if (r.header < end) fail(r.name, " overlaps another");
      if (r.header > size_ || r.packed > size_ - r.header) fail(r.name, " lies outside the file");
      end = r.header + r.packed;
      if (r.compressed ? r.size / detail::most_inflated > r.packed : r.size != r.packed)
        fail(r.name, " says to be of ", r.size, " bytes, which its ", r.packed, " cannot be");
      if (r.compressed) unpacked += r.size;
      if (unpacked > detail::most_unpacked + detail::most_unpacked_of_one * size_)
        fail(r.name, " is one of those that unpack to ", unpacked, " bytes and more, out of ",
             size_, "; save the file without compression if it is meant so");
    }
  }

  template <class = void>
  std::string inflate(const std::string& packed, const ZipRecord& record) const {
    z_stream stream = {};
    if (::inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw Error("ZipArchive: zlib does not start");
    std::string out;
    size_t in = 0;
    int status = Z_OK;
    while (status == Z_OK &&
           out.size() <= record.size) {  // grown as it is filled, never by a claim
      const size_t done = out.size();
      const size_t piece = size_t(std::min<uint64_t>(record.size - done + 1, 1 << 20));
      out.resize(done + piece);
      if (stream.avail_in == 0) {
        stream.avail_in = uInt(std::min(packed.size() - in, size_t(1) << 30));
        stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data() + in));
        in += stream.avail_in;
      }
      stream.next_out = reinterpret_cast<Bytef*>(out.data() + done);
      stream.avail_out = uInt(piece);
      status = ::inflate(&stream, Z_NO_FLUSH);
      out.resize(done + piece - stream.avail_out);
    }
    ::inflateEnd(&stream);
    if (status != Z_STREAM_END || out.size() != record.size)
      fail(record.name, " does not unpack to the ", record.size, " bytes that it should be");
    return out;
  }

  std::filesystem::path path_;
  std::ifstream in_;
  uint64_t size_ = 0;
  std::vector<ZipRecord> records_;
  std::vector<size_t> order_;  // of the records by name
};

VCELL_END_NAMESPACE
