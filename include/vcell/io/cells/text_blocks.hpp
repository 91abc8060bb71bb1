#pragma once

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Reads a text file, packed by gzip or not (its first bytes tell), in blocks of whole lines. A
/// mark that the text is UTF-8 is passed over; a last line without an end is given one.
class TextBlocks {
 public:
  static constexpr size_t longest_line = size_t(256) << 20;  ///< bytes

  /// @param function  at work, for messages
  /// @throws IoError if the file cannot be opened; FormatError if it is none
  template <class = void>
  TextBlocks(const char* function, const std::filesystem::path& path,
             size_t block_bytes = size_t(8) << 20);

  /// The next lines, each with its '\n'; false at the end of the file.
  /// @throws IoError; FormatError if what gzip packed is damaged or cut short, or a line too long
  template <class = void>
  bool next(std::string& block);

  /// The number of the first line of the block that was read last, from 1.
  size_t line() const { return line_; }
  bool is_gzip() const { return inflater_ != nullptr; }
  uint64_t file_bytes() const { return file_bytes_; }
  /// Bytes of the file that were read.
  uint64_t done_bytes() const { return done_bytes_; }
  /// The most bytes of text that the file can hold.
  double most_text() const { return double(file_bytes_) * (is_gzip() ? 1032.0 : 1.0); }

  /// Throws a FormatError about the whole file.
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    throw FormatError(message(function_, ": file ", quoted(name_), ": ", parts...));
  }
  /// The same about the line of the block in which a place lies.
  template <class... Parts>
  [[noreturn]] void fail_at(const std::string& block, const char* place,
                            const Parts&... parts) const {
    const auto before = size_t(std::count(block.data(), place, '\n'));
    throw FormatError(
        message(function_, ": file ", quoted(name_), ", line ", line_ + before, ": ", parts...));
  }

 private:
  struct Inflater {
    z_stream stream = {};
    Inflater() {
      if (::inflateInit2(&stream, MAX_WBITS + 16) != Z_OK) throw Error("zlib does not start");
    }
    ~Inflater() { ::inflateEnd(&stream); }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;
  };

  template <class = void>
  size_t read_file(char* to, size_t size);
  template <class = void>
  size_t read_packed(char* to, size_t size);

  const char* function_;
  std::string name_;
  std::ifstream in_;
  uint64_t file_bytes_ = 0, done_bytes_ = 0;
  size_t block_bytes_ = size_t(1) << 14, most_block_bytes_;
  size_t line_ = 1, lines_of_block_ = 0;
  std::unique_ptr<Inflater> inflater_;
  std::string packed_, rest_;  // rest_: the beginning of a line that the last block ended in
  bool member_ended_ = false, ended_ = false, begun_ = false;
};

template <class>
TextBlocks::TextBlocks(const char* function, const std::filesystem::path& path, size_t block_bytes)
    : function_(function),
      name_(path.string()),
      most_block_bytes_(std::max<size_t>(1, block_bytes)) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
    fail("is no file, expected one of text");
  in_.open(path, std::ios::binary);
  if (!in_)
    throw IoError(
        message(function_, ": cannot open ", quoted(name_), "; is it there, and may you read it?"));
  file_bytes_ = std::filesystem::file_size(path, error);
  if (error) throw IoError(message(function_, ": cannot read ", quoted(name_)));
  char magic[2] = {};
  in_.read(magic, 2);
  if (in_.gcount() == 2 && magic[0] == '\x1f' && magic[1] == '\x8b')
    inflater_ = std::make_unique<Inflater>();
  in_.clear();
  in_.seekg(0);
}

template <class>
size_t TextBlocks::read_file(char* to, size_t size) {
  in_.read(to, std::streamsize(size));
  if (in_.bad()) throw IoError(message(function_, ": cannot read ", quoted(name_)));
  done_bytes_ += uint64_t(in_.gcount());
  return size_t(in_.gcount());
}

template <class>
size_t TextBlocks::read_packed(char* to, size_t size) {
  z_stream& z = inflater_->stream;
  z.next_out = reinterpret_cast<Bytef*>(to);
  z.avail_out = uInt(size);
  while (z.avail_out) {
    if (z.avail_in == 0) {
      packed_.resize(size_t(std::min<uint64_t>(file_bytes_ + 1, 1 << 18)));
      packed_.resize(read_file(packed_.data(), packed_.size()));
      z.next_in = reinterpret_cast<Bytef*>(packed_.data());
      z.avail_in = uInt(packed_.size());
      if (packed_.empty()) {
        if (!member_ended_) fail("what gzip packed in it is cut short; is the file whole?");
        break;
      }
    }
    if (member_ended_) {  // another one may follow, and zeros
      if (*z.next_in == 0) {
        ++z.next_in, --z.avail_in;
        continue;
      }
      ::inflateReset(&z);
      member_ended_ = false;
    }
    const int status = ::inflate(&z, Z_NO_FLUSH);
    if (status == Z_STREAM_END)
      member_ended_ = true;
    else if (status != Z_OK && status != Z_BUF_ERROR)
      fail("what gzip packed in it is damaged (", z.msg ? z.msg : "no reason is known", ")");
  }
  return size - z.avail_out;
}

template <class>
bool TextBlocks::next(std::string& block) {
  line_ += lines_of_block_;
  lines_of_block_ = 0;
  block.swap(rest_);
  rest_.clear();
  block_bytes_ = std::min(2 * block_bytes_, most_block_bytes_);  // small files need no more
  size_t end = std::string::npos;                                // of the last line
  while (!ended_ && end == std::string::npos) {
    const size_t before = block.size();
    if (before > longest_line)
      fail("line ", line_, " is longer than ", longest_line, " bytes; is it text?");
    // A long line doubles what is looked at, so that it is not copied again and again.
    const size_t more = std::max(block_bytes_, before);
    block.resize(before + more);
    const size_t got = inflater_ ? read_packed(block.data() + before, more)
                                 : read_file(block.data() + before, more);
    block.resize(before + got);
    ended_ = got < more;
    if (!begun_) {
      begun_ = true;
      if (std::string_view(block).starts_with("\xef\xbb\xbf")) block.erase(0, 3);
    }
    end = block.rfind('\n');
    if (end != std::string::npos && end < before) end = std::string::npos;
  }
  if (ended_) {
    if (!block.empty() && block.back() != '\n') block += '\n';
  } else {
    rest_.assign(block, end + 1);
    block.resize(end + 1);
  }
  lines_of_block_ = size_t(std::count(block.begin(), block.end(), '\n'));
  return !block.empty();
}

/// Takes the next line off the front of some lines, without its end, LF or CRLF.
inline std::string_view take_line(std::string_view& lines) {
  const size_t end = lines.find('\n');
  std::string_view line = lines.substr(0, end);
  lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace detail
VCELL_END_NAMESPACE
