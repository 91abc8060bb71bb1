#pragma once

#include <bit>
#include <cstdint>

#include "vcell/core/device.hpp"

VCELL_BEGIN_NAMESPACE

/// The bits of a number as an unsigned integer with the same order; -0 and 0 are one key.
VCELL_HOST_DEVICE inline uint32_t ordered_key(float value) {
  const auto bits = std::bit_cast<uint32_t>(value + 0.0f);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

/// The number that ordered_key made a key of.
VCELL_HOST_DEVICE inline float value_of_key(uint32_t key) {
  return std::bit_cast<float>(key & 0x80000000u ? key & 0x7fffffffu : ~key);
}

VCELL_END_NAMESPACE
