#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE

/// Bytes of the UTF-8 sequence that begins at a byte of the text (RFC 3629): 1 to 4, or 0 if none
/// does.
template <class = void>
size_t utf8_length(std::string_view text, size_t begin) {
  const auto byte = [&](size_t i) { return i < text.size() ? uint8_t(text[i]) : uint8_t(0); };
  if (begin >= text.size()) return 0;
  const uint8_t a = byte(begin), b = byte(begin + 1);
  const size_t n = a < 0x80                ? 1
                   : a >= 0xC2 && a < 0xE0 ? 2
                   : (a & 0xF0) == 0xE0    ? 3
                   : a >= 0xF0 && a < 0xF5 ? 4
                                           : 0;
  for (size_t k = 1; k < n; ++k)
    if ((byte(begin + k) & 0xC0) != 0x80) return 0;
  const bool overlong = (a == 0xE0 && b < 0xA0) || (a == 0xF0 && b < 0x90);
  const bool not_a_character = (a == 0xED && b >= 0xA0) || (a == 0xF4 && b >= 0x90);
  return overlong || not_a_character ? 0 : n;
}

/// Whether the whole text is UTF-8.
template <class = void>
bool is_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t n = utf8_length(text, i);
    if (n == 0) return false;
    i += n;
  }
  return true;
}

VCELL_END_NAMESPACE
