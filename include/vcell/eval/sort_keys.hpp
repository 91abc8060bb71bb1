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

/// Sorts by the upper 32 bits: three counting passes of 11, 11 and 10 bits, for few keys a
/// comparison sort. The order of equal keys is not part of the promise.
/// @param keys     an ordered_key in the upper half, anything in the lower
/// @param scratch  room that grows as needed; keep it between calls
template <class = void>
void sort_keys(std::vector<uint64_t>& keys, std::vector<uint64_t>& scratch) {
  constexpr size_t few = 1024;  // below it, clearing the counters costs more than comparing
  if (keys.size() < few) {
    std::sort(keys.begin(), keys.end());
    return;
  }
  constexpr std::array<int, 3> shifts = {32, 43, 54};
  std::array<std::array<uint32_t, 2048>, 3> counts{};
  for (uint64_t key : keys)
    for (size_t pass = 0; pass < 3; ++pass) ++counts[pass][(key >> shifts[pass]) & 2047];

  scratch.resize(keys.size());
  for (size_t pass = 0; pass < 3; ++pass) {
    auto& count = counts[pass];
    if (count[(keys[0] >> shifts[pass]) & 2047] == keys.size()) continue;  // all in one place
    uint32_t begin = 0;
    for (auto& c : count) begin += std::exchange(c, begin);
    for (uint64_t key : keys) scratch[count[(key >> shifts[pass]) & 2047]++] = key;
    keys.swap(scratch);
  }
}

VCELL_END_NAMESPACE
