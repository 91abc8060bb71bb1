#pragma once

#include <bit>
#include <cstdint>

#include "vcell/core/abi.hpp"

namespace vcell::inline VCELL_ABI::kernel {

/// e^x in plain arithmetic, without a call or a branch, so that a loop over it vectorises on every
/// processor (the C library's does not). At most 2 units in the last place from the true value; 0
/// for -infinity, infinity where e^x overflows, and not-a-number stays so.
///
/// x = n ln 2 + r with |r| <= ln 2 / 2: e^x = 2^n e^r, where e^r is a Taylor polynomial whose
/// remainder is far below the rounding, and 2^n is applied in two halves so that results below the
/// normal range are rounded and not lost. ln 2 is cut in two (Cody & Waite, 1980) to keep r exact.
inline float exponential(float x) {
  constexpr float lowest = -110, highest = 89;                 // 0 and infinity from here on
  constexpr float to_integer = 0x1.8p23f;                      // adding it rounds to a whole number
  constexpr float log2_e = 0x1.715476p0f;                      // 1 / ln 2
  constexpr float high = 0x1.62e4p-1f, low = 0x1.7f7d1cp-20f;  // ln 2
  x = highest < x ? highest : x;                               // in this order not-a-number passes
  x = lowest > x ? lowest : x;
  const float shifted = x * log2_e + to_integer, n = shifted - to_integer;
  const float r = (x - n * high) - n * low;
  float p = 1.f / 5040;
  p = p * r + 1.f / 720;
  p = p * r + 1.f / 120;
  p = p * r + 1.f / 24;
  p = p * r + 1.f / 6;
  p = p * r + 0.5f;
  p = p * r + 1;
  p = p * r + 1;
  // Unsigned: not-a-number leaves nonsense in the bits, which must wrap quietly.
  const uint32_t whole = std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(to_integer);
  const uint32_t half =
      ((whole + 1024) >> 1) - 512;  // a shift without sign: every vector unit has it
  return p * std::bit_cast<float>((half + 127) << 23) *
         std::bit_cast<float>((whole - half + 127) << 23);
}

/// The same in double precision.
inline double exponential(double x) {
  constexpr double lowest = -760, highest = 710;
  constexpr double to_integer = 0x1.8p52;
  constexpr double log2_e = 0x1.71547652b82fep0;
  constexpr double high = 0x1.62e42fefa0000p-1, low = 0x1.cf79abc9e3b3ap-40;
  x = highest < x ? highest : x;
  x = lowest > x ? lowest : x;
  const double shifted = x * log2_e + to_integer, n = shifted - to_integer;
  const double r = (x - n * high) - n * low;
  double p = 1. / 6227020800;
  p = p * r + 1. / 479001600;
  p = p * r + 1. / 39916800;
  p = p * r + 1. / 3628800;
  p = p * r + 1. / 362880;
  p = p * r + 1. / 40320;
  p = p * r + 1. / 5040;
  p = p * r + 1. / 720;
  p = p * r + 1. / 120;
  p = p * r + 1. / 24;
  p = p * r + 1. / 6;
  p = p * r + 0.5;
  p = p * r + 1;
  p = p * r + 1;
  const uint64_t whole = std::bit_cast<uint64_t>(shifted) - std::bit_cast<uint64_t>(to_integer);
  const uint64_t half = ((whole + 4096) >> 1) - 2048;
  return p * std::bit_cast<double>((half + 1023) << 52) *
         std::bit_cast<double>((whole - half + 1023) << 52);
}

}  // namespace vcell::inline VCELL_ABI::kernel
