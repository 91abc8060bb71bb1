#pragma once

#include <algorithm>
#include <bit>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"
#include "vcell/io/crc32c.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Fields of a protocol buffer, one after the other.
class ProtocolBuffer {
 public:
  template <class = void>
  ProtocolBuffer& number(unsigned field, uint64_t value) {
    varint(field << 3);
    varint(value);
    return *this;
  }
  template <class = void>
  ProtocolBuffer& real(unsigned field, double value) {
    varint(field << 3 | 1);
    return fixed(std::bit_cast<uint64_t>(value), 8);
  }
  template <class = void>
  ProtocolBuffer& real(unsigned field, float value) {
    varint(field << 3 | 5);
    return fixed(std::bit_cast<uint32_t>(value), 4);
  }
  /// Text, or another buffer within this one.
  template <class = void>
  ProtocolBuffer& bytes(unsigned field, std::string_view value) {
    varint(field << 3 | 2);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  /// Lowest byte first.
  template <class = void>
  ProtocolBuffer& fixed(uint64_t value, int size) {
    for (int i = 0; i < size; ++i) bytes_ += char(value >> 8 * i);
    return *this;
  }
  const std::string& text() const { return bytes_; }

 private:
  template <class = void>
  void varint(uint64_t value) {
    for (; value > 127; value >>= 7) bytes_ += char(value | 128);
    bytes_ += char(value);
  }
  std::string bytes_;
};

}  // namespace detail

/// Numbers by step in a file that TensorBoard shows: records of TensorFlow (length, its checksum,
/// content, its checksum; each a masked CRC-32C), which hold messages `Event` of its event.proto.
/// Files of one folder are one run there: they are numbered,
/// `events.out.tfevents.0000000001.vcell`, and every EventFile makes the next one.
class EventFile {
 public:
  /// @param done  steps done before: of earlier files, what they have of later steps is void
  /// @throws WriteError naming folder or file
  template <class = void>
  explicit EventFile(const std::filesystem::path& folder, uint64_t done = 0) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error)
      throw WriteError(message("EventFile: cannot make the folder ", quoted(folder.string()), ": ",
                               error.message()));
    for (uint64_t number = 1; path_.empty() || std::filesystem::exists(path_, error); ++number) {
      const std::string digits = message(number);
      path_ = folder / message("events.out.tfevents.",
                               std::string(10 - std::min<size_t>(10, digits.size()), '0'), digits,
                               ".vcell");
    }
    file_.open(path_, std::ios::binary);
    add_event(0, [](auto& event) { event.bytes(3, "brain.Event:2"); });
    // A session starts: what is there of its steps was of one that was broken off.
    if (done)
      add_event(done + 1,
                [](auto& event) { event.bytes(7, detail::ProtocolBuffer().number(1, 1).text()); });
  }

  /// Adds one number; it is with the system when this returns.
  /// @param tag  its name, with what comes before a '/' shown together
  /// @throws WriteError
  template <class = void>
  void add(uint64_t step, std::string_view tag, double value) {
    detail::ProtocolBuffer number, summary;
    number.bytes(1, tag).real(2, float(value));
    summary.bytes(1, number.text());
    add_event(step, [&](auto& event) { event.bytes(5, summary.text()); });
  }

  const std::filesystem::path& path() const { return path_; }

 private:
  template <class Fill>
  void add_event(uint64_t step, Fill fill) {
    const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
    detail::ProtocolBuffer event;
    event.real(1, now.count()).number(2, step);
    fill(event);
    const auto masked = [](std::string_view bytes) {
      const uint32_t sum = crc32c(bytes);
      return std::rotr(sum, 15) + 0xA282EAD8u;
    };
    detail::ProtocolBuffer head, tail;
    head.fixed(event.text().size(), 8);
    head.fixed(masked(head.text()), 4);
    tail.fixed(masked(event.text()), 4);
    file_ << head.text() << event.text() << tail.text();
    file_.flush();
    if (!file_)
      throw WriteError(message("EventFile: cannot write ", quoted(path_.string()),
                               "; has the disk room, and may you write there?"));
  }

  std::filesystem::path path_;
  std::ofstream file_;
};

VCELL_END_NAMESPACE
