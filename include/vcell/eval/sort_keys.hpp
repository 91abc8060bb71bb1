#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE

/// The bits of a number as an unsigned integer with the same order; -0 and 0 are one key.
template <class = void>
uint32_t ordered_key(float value) {
  const auto bits = std::bit_cast<uint32_t>(value + 0.0f);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

/// The number that ordered_key made a key of.
template <class = void>
float value_of_key(uint32_t key) {
  return std::bit_cast<float>(key & 0x80000000u ? key & 0x7fffffffu : ~key);
}

/// Sorts by the upper 32 bits: counting passes over digits of at most 11 of the bits in which the
/// keys differ, for few keys a comparison sort. The order of equal keys is not part of the promise.
/// @param keys     an ordered_key in the upper half, anything in the lower
/// @param scratch  room that grows as needed; keep it between calls
template <class = void>
void sort_keys(std::vector<uint64_t>& keys, std::vector<uint64_t>& scratch) {
  constexpr size_t few = 256;  // below it, clearing the counters costs more than comparing
  if (keys.size() < few) {
    std::sort(keys.begin(), keys.end());
    return;
  }
  uint64_t least = keys[0], most = keys[0];
  for (const uint64_t key : keys) {
    least = std::min(least, key);
    most = std::max(most, key);
  }
  const auto base = uint32_t(least >> 32);
  const int bits = std::bit_width(uint32_t(most >> 32) - base), passes = (bits + 10) / 11;
  if (passes == 0) return;
  const int width = (bits + passes - 1) / passes;
  const uint32_t mask = (uint32_t(1) << width) - 1;
  std::array<std::array<uint32_t, 2048>, 3> counts;
  for (int pass = 0; pass < passes; ++pass)
    std::fill_n(counts[size_t(pass)].begin(), size_t(mask) + 1, 0u);
  const auto digit = [=](uint64_t key, int pass) {
    return ((uint32_t(key >> 32) - base) >> (pass * width)) & mask;
  };
  const auto count = [&]<int n>() {
    for (const uint64_t key : keys)
      for (int pass = 0; pass < n; ++pass) ++counts[size_t(pass)][digit(key, pass)];
  };
  if (passes == 1)
    count.template operator()<1>();
  else if (passes == 2)
    count.template operator()<2>();
  else
    count.template operator()<3>();

  scratch.resize(keys.size());
  for (int pass = 0; pass < passes; ++pass) {
    auto& places = counts[size_t(pass)];
    uint32_t begin = 0;
    for (uint32_t i = 0; i <= mask; ++i) begin += std::exchange(places[i], begin);
    for (const uint64_t key : keys) scratch[places[digit(key, pass)]++] = key;
    keys.swap(scratch);
  }
}

VCELL_END_NAMESPACE
