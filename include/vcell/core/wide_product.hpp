#pragma once

#include <cstdint>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE

/// A whole number of 128 bits.
struct WideNumber {
  uint64_t high = 0, low = 0;

  friend constexpr bool operator==(const WideNumber&, const WideNumber&) = default;
};

/// a * b, all of it, without 128-bit integers, which not every compiler has.
constexpr WideNumber wide_product(uint64_t a, uint64_t b) {
  const uint64_t a0 = a & 0xffffffffu, a1 = a >> 32, b0 = b & 0xffffffffu, b1 = b >> 32;
  const uint64_t middle = a1 * b0 + (a0 * b0 >> 32), middle2 = a0 * b1 + (middle & 0xffffffffu);
  return {a1 * b1 + (middle >> 32) + (middle2 >> 32), a * b};
}

VCELL_END_NAMESPACE
