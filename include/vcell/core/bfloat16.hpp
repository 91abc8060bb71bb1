#pragma once

#include <bit>
#include <cstdint>

#include "vcell/core/device.hpp"

VCELL_BEGIN_NAMESPACE

/// The upper half of a float: its range, 8 bits of precision. For storage only: read it as float,
/// compute, and round back.
class bfloat16 {
 public:
  bfloat16() = default;
  /// Rounds to nearest, ties to even; NaN stays NaN.
  VCELL_HOST_DEVICE explicit bfloat16(float x) {
    const uint32_t u = std::bit_cast<uint32_t>(x);
    bits_ = x != x ? uint16_t(u >> 16 | 0x40) : uint16_t((u + 0x7fff + (u >> 16 & 1)) >> 16);
  }
  VCELL_HOST_DEVICE operator float() const { return std::bit_cast<float>(uint32_t(bits_) << 16); }
  static bfloat16 from_bits(uint16_t bits) {
    bfloat16 b;
    b.bits_ = bits;
    return b;
  }
  uint16_t bits() const { return bits_; }

 private:
  uint16_t bits_ = 0;
};

VCELL_END_NAMESPACE
