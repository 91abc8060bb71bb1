#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE

/// The CRC-32C of bytes: the cyclic redundancy check with the polynomial of Castagnoli (Castagnoli
/// et al. 1993; RFC 3720, section 12.1), which is not that of zip and gzip.
template <class = void>
uint32_t crc32c(std::string_view bytes) {
  static constexpr auto table = [] {
    std::array<uint32_t, 256> out{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t sum = i;
      for (int bit = 0; bit < 8; ++bit) sum = sum & 1 ? sum >> 1 ^ 0x82F63B78u : sum >> 1;
      out[i] = sum;
    }
    return out;
  }();
  uint32_t sum = ~0u;
  for (const char c : bytes) sum = sum >> 8 ^ table[(sum ^ uint8_t(c)) & 255];
  return ~sum;
}

VCELL_END_NAMESPACE
