#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "vcell/eval/sort_keys.hpp"

VCELL_BEGIN_NAMESPACE

/// The blocks of equal values of one gene in cells of several groups, the least value first: what
/// rank sums are made of.
class TieBlocks {
 public:
  /// @param sizes  cells per group
  template <class = void>
  explicit TieBlocks(std::vector<uint32_t> sizes)
      : sizes_(std::move(sizes)), in_block_(sizes_.size()) {}

  const std::vector<uint32_t>& sizes() const { return sizes_; }

  /// Calls f(groups, cells) for every block: the groups that have cells in it, and how many cells
  /// in it each group has, by group. Where zeros are, all groups are named. Of a block of one cell
  /// one(group) is called in place of it.
  /// @param sorted  the gene's values other than 0, as sort_keys leaves them, with the group in the
  ///                lower half; all other cells of the groups have the value 0
  template <class F, class G>
  void for_each(std::span<const uint64_t> sorted, F&& f, G&& one) {
    const uint32_t zero = ordered_key(0.0f);
    size_t i = 0;
    const auto sweep = [&](auto&& more) {
      while (i < sorted.size() && more(uint32_t(sorted[i] >> 32))) {
        const auto key = uint32_t(sorted[i] >> 32);
        if (i + 1 == sorted.size() || uint32_t(sorted[i + 1] >> 32) != key) {
          one(uint32_t(sorted[i++]));
          continue;
        }
        touched_.clear();
        for (; i < sorted.size() && uint32_t(sorted[i] >> 32) == key; ++i) {
          const auto group = uint32_t(sorted[i]);
          if (in_block_[group]++ == 0) touched_.push_back(group);
        }
        end_block(f);
      }
    };
    sweep([&](uint32_t key) { return key < zero; });
    count_zeros(sorted);
    end_block(f);
    sweep([](uint32_t) { return true; });
  }

 private:
  template <class = void>
  void count_zeros(std::span<const uint64_t> sorted) {
    touched_.clear();
    for (uint32_t g = 0; g < sizes_.size(); ++g) {
      in_block_[g] = sizes_[g];
      touched_.push_back(g);
    }
    for (uint64_t key : sorted) --in_block_[uint32_t(key)];
  }

  template <class F>
  void end_block(F&& f) {
    f(std::span<const uint32_t>(touched_), std::span<const uint64_t>(in_block_));
    for (uint32_t g : touched_) in_block_[g] = 0;
  }

  std::vector<uint32_t> sizes_;
  std::vector<uint64_t> in_block_;  // cells per group in the current block, zeros between blocks
  std::vector<uint32_t> touched_;   // groups with cells in the current block
};

VCELL_END_NAMESPACE
