#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

#include "vcell/kernels/ordered_key.hpp"

VCELL_BEGIN_NAMESPACE

/// Sorts by the upper 32 bits: two counting passes over the highest of the bits in which the keys
/// differ, after which few are out of place, and a comparison sort of those; for few keys that
/// alone. The order of equal keys is not part of the promise.
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
  const int bits = std::bit_width(uint32_t(most >> 32) - base);
  if (bits == 0) return;
  // A pass takes time for each key and for each of its counters.
  const int width = std::min(keys.size() < 4096 ? 9 : 11, (bits + 1) / 2);
  const int low = std::max(0, bits - 2 * width);  // bits that no pass looks at
  const uint32_t mask = (uint32_t(1) << width) - 1;
  std::array<std::array<uint32_t, 2048>, 2> counts;
  for (auto& of_pass : counts) std::fill_n(of_pass.begin(), size_t(mask) + 1, 0u);
  const auto digit = [=](uint64_t key, int pass) {
    return ((uint32_t(key >> 32) - base) >> (low + pass * width)) & mask;
  };
  for (const uint64_t key : keys) {
    ++counts[0][digit(key, 0)];
    ++counts[1][digit(key, 1)];
  }
  scratch.resize(keys.size());
  for (int pass = 0; pass < 2; ++pass) {
    auto& places = counts[size_t(pass)];
    uint32_t begin = 0;
    for (uint32_t i = 0; i <= mask; ++i) begin += std::exchange(places[i], begin);
    for (const uint64_t key : keys) scratch[places[digit(key, pass)]++] = key;
    keys.swap(scratch);
  }
  if (low == 0) return;
  const auto high = [=](uint64_t key) { return (uint32_t(key >> 32) - base) >> low; };
  for (size_t i = 1; i < keys.size(); ++i) {
    if (keys[i] >> 32 >= keys[i - 1] >> 32) continue;
    size_t first = i - 1, last = i + 1;
    while (first > 0 && high(keys[first - 1]) == high(keys[i])) --first;
    while (last < keys.size() && high(keys[last]) == high(keys[i])) ++last;
    std::sort(keys.begin() + std::ptrdiff_t(first), keys.begin() + std::ptrdiff_t(last));
    i = last - 1;
  }
}

VCELL_END_NAMESPACE
