#pragma once

#include <array>
#include <cstdint>

#include "vcell/core/device.hpp"

VCELL_BEGIN_NAMESPACE

/// Philox 4x32 with 10 rounds: 128 random bits as a pure function of a key and a counter, so any
/// element of a stream can be had without the ones before it, on every device alike (Salmon,
/// Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", section 3.4).
/// @param key      the stream, e.g. the seed
/// @param counter  position: (low, high) 64-bit words
VCELL_HOST_DEVICE inline std::array<uint32_t, 4> philox(uint64_t key,
                                                        std::array<uint64_t, 2> counter) {
  uint32_t k0 = uint32_t(key), k1 = uint32_t(key >> 32);
  uint32_t c0 = uint32_t(counter[0]), c1 = uint32_t(counter[0] >> 32);
  uint32_t c2 = uint32_t(counter[1]), c3 = uint32_t(counter[1] >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t(0xD2511F53u) * c0, b = uint64_t(0xCD9E8D57u) * c2;
    const uint32_t n0 = uint32_t(b >> 32) ^ c1 ^ k0, n2 = uint32_t(a >> 32) ^ c3 ^ k1;
    c1 = uint32_t(b);
    c3 = uint32_t(a);
    c0 = n0;
    c2 = n2;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {c0, c1, c2, c3};
}

/// A number in [0, 1) from 32 random bits, exact in float.
VCELL_HOST_DEVICE inline float unit_float(uint32_t bits) { return float(bits >> 8) * 0x1p-24f; }

VCELL_END_NAMESPACE
