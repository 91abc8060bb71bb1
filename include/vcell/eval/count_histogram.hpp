#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "vcell/eval/sort_keys.hpp"

VCELL_BEGIN_NAMESPACE

/// How many cells of each group have which count of one gene: what takes the place of sorting where
/// values are small whole numbers.
class CountHistogram {
 public:
  /// @param sizes  cells per group
  template <class = void>
  explicit CountHistogram(std::vector<uint32_t> sizes)
      : sizes_(std::move(sizes)), zeros_(sizes_.size()) {}

  /// Counts a gene's values; false, and nothing of use, where one is no whole number above 0 or so
  /// large that sorting them takes less time.
  /// @param keys  the values other than 0, as GenePanel has them, in any order; all other cells of
  ///              the groups have the value 0
  template <class = void>
  bool fill(std::span<const uint64_t> keys);

  /// How many cells of each group have a value other than 0.
  template <class = void>
  std::vector<uint32_t> stored() const {
    std::vector<uint32_t> out = sizes_;
    for (size_t g = 0; g < out.size(); ++g) out[g] -= zeros_[g];
    return out;
  }

  /// Calls f(groups, cells) for every count that some cell may have, the least first: all groups,
  /// and how many cells with it each of them has, by group.
  template <class F>
  void for_each(F&& f) const {
    const std::span<const uint32_t> counts(counts_);
    const AllGroups all{uint32_t(sizes_.size())};
    f(all, std::span<const uint32_t>(zeros_));
    for (size_t value = 1; value <= highest_; ++value)
      f(all, counts.subspan((value - 1) * sizes_.size(), sizes_.size()));
  }

 private:
  /// 0 .. n - 1, to iterate over.
  struct AllGroups {
    struct Iterator {
      uint32_t g;
      uint32_t operator*() const { return g; }
      Iterator& operator++() {
        ++g;
        return *this;
      }
      bool operator!=(const Iterator& other) const { return g != other.g; }
    };
    uint32_t n;
    Iterator begin() const { return {0}; }
    Iterator end() const { return {n}; }
  };

  std::vector<uint32_t> sizes_, zeros_;
  std::vector<uint32_t> counts_;  // (values from 1, groups)
  size_t highest_ = 0;
};

template <class>
bool CountHistogram::fill(std::span<const uint64_t> keys) {
  const size_t groups = sizes_.size();
  // A row of counts takes about as long as sorting a quarter as many keys.
  const size_t most = std::max<size_t>(4, 4 * keys.size() / std::max<size_t>(groups, 1));
  std::fill_n(counts_.begin(), highest_ * groups, 0u);
  highest_ = 0;
  for (const uint64_t key : keys) {
    const float value = value_of_key(uint32_t(key >> 32));
    if (!(value >= 1 && value <= float(most))) return false;
    const auto count = size_t(value);
    if (float(count) != value) return false;
    if (count > highest_) {
      if (counts_.size() < count * groups) counts_.resize(count * groups);
      highest_ = count;
    }
    ++counts_[(count - 1) * groups + uint32_t(key)];
  }
  zeros_ = sizes_;
  for (size_t value = 0; value < highest_; ++value)
    for (size_t g = 0; g < groups; ++g) zeros_[g] -= counts_[value * groups + g];
  return true;
}

VCELL_END_NAMESPACE
