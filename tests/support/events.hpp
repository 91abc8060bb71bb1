// Reads the files that TensorBoard reads, by its own arithmetic.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/io/atomic_file.hpp"

namespace vcell_test {

struct Event {
  uint64_t step = 0;
  std::string version = {};
  std::string tag = {};
  float value = 0;
  bool starts_session = false;
  double time = 0;

  bool operator==(const Event& e) const {
    return step == e.step && version == e.version && tag == e.tag && value == e.value &&
           starts_session == e.starts_session;
  }
};

/// The masked CRC-32C, bit by bit.
inline uint32_t masked_sum(std::string_view bytes) {
  uint32_t sum = 0xFFFFFFFFu;
  for (const char c : bytes)
    for (int bit = 0; bit < 8; ++bit) {
      const bool odd = (sum ^ (uint8_t(c) >> bit)) & 1;
      sum = odd ? (sum >> 1) ^ 0x82F63B78u : sum >> 1;
    }
  sum = ~sum;
  return ((sum >> 15) | (sum << 17)) + 0xA282EAD8u;
}

template <class T>
T little_endian(std::string_view bytes) {
  T value;
  if (bytes.size() < sizeof value) throw std::runtime_error("cut off");
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

/// Calls f(field, number or 0, content) for every field of a protocol buffer.
template <class F>
void for_each_field(std::string_view bytes, F f) {
  const auto varint = [&] {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = uint8_t(bytes.at(0));
      bytes.remove_prefix(1);
      value |= uint64_t(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (!bytes.empty()) {
    const uint64_t key = varint();
    const uint64_t kind = key & 7;
    const uint64_t number = kind == 0 ? varint() : 0;
    const size_t size = kind == 0 ? 0 : kind == 1 ? 8 : kind == 5 ? 4 : size_t(varint());
    if (size > bytes.size()) throw std::runtime_error("a field is cut off");
    f(key >> 3, number, bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
}

inline Event event_of(std::string_view content) {
  Event event;
  for_each_field(content, [&](uint64_t field, uint64_t number, std::string_view bytes) {
    if (field == 1) event.time = little_endian<double>(bytes);
    if (field == 2) event.step = number;
    if (field == 3) event.version = bytes;
    if (field == 7)
      for_each_field(bytes, [&](uint64_t f, uint64_t n, std::string_view) {
        event.starts_session = f == 1 && n == 1;
      });
    if (field == 5)
      for_each_field(bytes, [&](uint64_t, uint64_t, std::string_view value) {
        for_each_field(value, [&](uint64_t f, uint64_t, std::string_view part) {
          if (f == 1) event.tag = part;
          if (f == 2) event.value = little_endian<float>(part);
        });
      });
  });
  return event;
}

/// All events of a file; an error if a record is cut off or does not have its sums.
inline std::vector<Event> read_events(const std::filesystem::path& path) {
  const std::string text = vcell::read_text(path);
  std::vector<Event> events;
  for (std::string_view rest = text; !rest.empty();) {
    const auto size = little_endian<uint64_t>(rest);
    if (little_endian<uint32_t>(rest.substr(8)) != masked_sum(rest.substr(0, 8)))
      throw std::runtime_error("the sum of the length is wrong");
    if (size + 16 > rest.size()) throw std::runtime_error("a record is cut off");
    const auto content = rest.substr(12, size);
    if (little_endian<uint32_t>(rest.substr(12 + size)) != masked_sum(content))
      throw std::runtime_error("the sum of the content is wrong");
    events.push_back(event_of(content));
    rest.remove_prefix(size + 16);
  }
  return events;
}

}  // namespace vcell_test
