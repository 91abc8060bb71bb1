#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/core/error.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/core/message.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

inline constexpr size_t tar_block = 512;

/// A field of octal digits that ends with a zero byte; sizes that need more digits, from 8 GiB on,
/// in base 256, as GNU tar writes and everybody reads them.
template <class = void>
std::string tar_number(uint64_t number, size_t width) {
  std::string out(width, '\0');
  if (number >> 3 * (width - 1)) {
    for (size_t i = width; i-- > 1; number >>= 8) out[i] = char(number & 255);
    out[0] = char(0x80);
    return out;
  }
  for (size_t i = width - 1; i-- > 0; number >>= 3) out[i] = char('0' + (number & 7));
  return out;
}

/// The header of a file of a ustar archive: mode 644, of nobody, without time.
template <class = void>
std::string tar_header(std::string_view name, uint64_t size) {
  std::string out(tar_block, '\0');
  const auto put = [&](size_t at, std::string_view text) { out.replace(at, text.size(), text); };
  put(0, name);
  put(100, tar_number(0644, 8));
  put(108, tar_number(0, 8));
  put(116, tar_number(0, 8));
  put(124, tar_number(size, 12));
  put(136, tar_number(0, 12));
  put(148, "        ");
  put(156, "0");
  put(257, std::string_view("ustar\00000", 8));
  uint32_t sum = 0;
  for (const char c : out) sum += uint8_t(c);
  put(148, tar_number(sum, 7));
  return out;
}

/// What an extended header of pax says of the file behind it, in place of that one's own header:
/// where a size or a name has no room there.
struct PaxRecords {
  std::optional<uint64_t> size = {};
  std::optional<std::string> name = {};
};

/// Reads the records "LENGTH KEY=VALUE\n" of an extended header (POSIX.1-2001, pax).
/// @return  nothing if they are damaged
template <class = void>
std::optional<PaxRecords> pax_records(std::string_view text) {
  const auto number_of = [](std::string_view digits) -> std::optional<uint64_t> {
    uint64_t number = 0;
    const auto end = digits.data() + digits.size();
    const auto parsed = std::from_chars(digits.data(), end, number);
    if (parsed.ec != std::errc() || parsed.ptr != end) return {};
    return number;
  };
  PaxRecords out;
  while (!text.empty()) {
    const size_t space = text.find(' ');
    const auto length = number_of(text.substr(0, std::min(space, text.size())));
    if (space == text.npos || !length || *length > text.size() || *length < space + 2 ||
        text[*length - 1] != '\n')
      return {};
    const auto record = text.substr(space + 1, size_t(*length) - space - 2);
    const size_t equal = record.find('=');
    if (equal == record.npos) return {};
    const auto key = record.substr(0, equal), value = record.substr(equal + 1);
    if (key == "path") out.name = std::string(value);
    if (key == "size" && !(out.size = number_of(value))) return {};
    text.remove_prefix(size_t(*length));
  }
  return out;
}

}  // namespace detail

/// Writes a tar archive (ustar, not compressed) file by file; the same files give the same bytes.
class TarWriter {
 public:
  /// @param path  of a file that may be overwritten, such as write_atomically gives
  /// @throws WriteError if it cannot be opened
  template <class = void>
  explicit TarWriter(const std::filesystem::path& path)
      : name_(path.string()), out_(path, std::ios::binary | std::ios::trunc) {
    check();
  }

  /// Begins a file, of which nobody has to know yet how large it is.
  /// @throws FormatError if the name has more than 100 bytes; WriteError
  template <class = void>
  void begin(std::string_view name) {
    if (name.empty() || name.size() > 100)
      throw FormatError(message("TarWriter: the name ", quoted(name), " has ", name.size(),
                                " bytes, expected 1 .. 100"));
    file_ = name;
    size_ = 0;
    header_ = out_.tellp();
    put(detail::tar_header(name, 0));
  }
  /// More of the file that was begun.
  template <class = void>
  void append(std::string_view bytes) {
    put(bytes);
    size_ += bytes.size();
  }
  /// Ends the file.
  template <class = void>
  void end() {
    const auto after = out_.tellp();
    out_.seekp(header_);
    put(detail::tar_header(file_, size_));
    out_.seekp(after);
    const size_t rest = size_t(size_ % detail::tar_block);
    if (rest) put(std::string(detail::tar_block - rest, '\0'));
  }
  /// A whole file.
  template <class = void>
  void add(std::string_view name, std::string_view bytes) {
    begin(name);
    append(bytes);
    end();
  }
  /// Ends the archive, as long as tar makes it: a multiple of 20 blocks.
  template <class = void>
  void finish() {
    constexpr size_t record = 20 * detail::tar_block;
    const auto at = size_t(out_.tellp());
    put(std::string((at + 2 * detail::tar_block + record - 1) / record * record - at, '\0'));
    out_.close();
    check();
  }

 private:
  template <class = void>
  void put(std::string_view bytes) {
    out_.write(bytes.data(), std::streamsize(bytes.size()));
    check();
  }
  void check() const {
    if (!out_)
      throw WriteError(message("TarWriter: cannot write ", quoted(name_),
                               "; is the disk full, or the folder read-only?"));
  }

  std::string name_, file_;
  std::ofstream out_;
  std::streampos header_;
  uint64_t size_ = 0;
};

/// A file of a tar archive, and where its bytes are.
struct TarMember {
  std::string name;
  uint64_t offset = 0, size = 0;
};

/// What a tar archive holds, in its order: its plain files, of whichever of tar's formats; sizes
/// from 8 GiB on in base 256 or in an extended header of pax.
/// @throws IoError if it cannot be read; FormatError naming what is wrong if it is no tar archive,
///         or not a whole one
template <class = void>
std::vector<TarMember> read_tar(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in || std::filesystem::is_directory(path))
    throw IoError(message("read_tar: cannot open ", quoted(path.string()),
                          "; is it there, and may you read it?"));
  const uint64_t end = std::filesystem::file_size(path);
  const auto fail = [&](uint64_t at, std::string_view what) {
    throw FormatError(message("read_tar: ", quoted(path.string()), ", byte ", at, ": ", what,
                              "; it is no tar archive, or not a whole one"));
  };
  std::vector<TarMember> out;
  detail::PaxRecords said;  // of the next file
  std::array<char, detail::tar_block> header;
  for (uint64_t at = 0;;) {
    in.seekg(std::streamoff(at));
    if (at + header.size() > end || !in.read(header.data(), std::streamsize(header.size())))
      fail(at, "expected a header of 512 bytes");
    const auto field = [&](size_t first, size_t width) {
      const std::string_view text(header.data() + first, width);
      return text.substr(0, std::min(text.find('\0'), width));
    };
    if (std::all_of(header.begin(), header.end(), [](char c) { return c == 0; })) return out;
    const auto number = [&](size_t first, size_t width) {
      uint64_t value = 0;
      if (uint8_t(header[first]) == 0x80) {
        for (size_t i = first + 1; i < first + width; ++i) {
          if (value >> 56) fail(at, "a number has more than 64 bits");
          value = value << 8 | uint8_t(header[i]);
        }
        return value;
      }
      for (const char c : field(first, width)) {
        if (c == ' ') continue;
        if (c < '0' || c > '7') fail(at, "expected octal digits");
        value = value << 3 | uint64_t(c - '0');
      }
      return value;
    };
    uint32_t sum = 0;
    for (size_t i = 0; i < header.size(); ++i)
      sum += i >= 148 && i < 156 ? uint8_t(' ') : uint8_t(header[i]);
    if (number(148, 8) != sum) fail(at, "the sum of the header's bytes is another");
    const char kind = header[156];
    const bool is_extended = kind == 'x' || kind == 'g';
    const uint64_t first = at + header.size(),
                   size = !is_extended && said.size ? *said.size : number(124, 12);
    if (size > end - first) fail(at, "a file reaches beyond the end");
    if (kind == 'x') {
      constexpr uint64_t most = uint64_t(1) << 20;
      std::string text(size_t(std::min(size, most)), '\0');
      if (size > most || !in.read(text.data(), std::streamsize(text.size())))
        fail(at, "an extended header has more than 1 MiB");
      const auto records = detail::pax_records(text);
      if (!records) fail(at, "an extended header is damaged");
      said = *records;
    } else if (!is_extended) {
      if (kind == '0' || kind == '\0')
        out.push_back({said.name.value_or(std::string(field(0, 100))), first, size});
      said = {};
    }
    at = first + (size + detail::tar_block - 1) / detail::tar_block * detail::tar_block;
  }
}

VCELL_INSTANTIATE(files, std::vector<TarMember> read_tar<void>(const std::filesystem::path&));

VCELL_END_NAMESPACE
