#pragma once

#include <bit>
#include <cstdint>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE

/// IEEE 754 binary16, for reading files that hold it: convert to float and compute there.
class half {
 public:
  half() = default;
  template <class = void>
  static half from_bits(uint16_t bits) {
    half h;
    h.bits_ = bits;
    return h;
  }
  uint16_t bits() const { return bits_; }

  /// Exact: every half is a float.
  operator float() const {
    const uint32_t sign = uint32_t(bits_ & 0x8000) << 16;
    const uint32_t magnitude = bits_ & 0x7fff;
    if (magnitude >= 0x7c00)  // infinity or NaN
      return std::bit_cast<float>(sign | 0x7f800000 | (magnitude & 0x3ff) << 13);
    if (magnitude < 0x400) {  // zero or subnormal: a multiple of 2^-24
      const float value = float(magnitude) * 0x1p-24f;
      return sign ? -value : value;
    }
    return std::bit_cast<float>(sign | ((magnitude << 13) + (uint32_t(127 - 15) << 23)));
  }

 private:
  uint16_t bits_ = 0;
};

VCELL_END_NAMESPACE
