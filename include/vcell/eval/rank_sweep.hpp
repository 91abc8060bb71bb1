#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "vcell/eval/sort_keys.hpp"

VCELL_BEGIN_NAMESPACE

/// Mann-Whitney's U of many groups against one reference, for one gene at a time, from one sort of
/// all its values. Each group is compared with the reference alone, as if the others were absent.
///
/// For every block of equal values with r cells of the reference and c of a group, the group's U
/// grows by c (references below + r / 2); its tie term is that of the reference alone plus what its
/// own cells add, (r + c)^3 - (r + c) - (r^3 - r). So a group costs only where it has cells.
class RankSweep {
 public:
  /// What one gene says about one group.
  struct Group {
    uint64_t twice_u = 0;   ///< 2 U of the group's cells
    double added_ties = 0;  ///< what the group adds to reference_ties()
  };

  /// @param sizes      cells per group
  /// @param reference  the group that all others are compared with
  RankSweep(std::vector<uint32_t> sizes, size_t reference)
      : sizes_(std::move(sizes)),
        reference_(uint32_t(reference)),
        groups_(sizes_.size()),
        in_block_(sizes_.size()) {}

  /// @param sorted  the gene's values other than 0, as sort_keys leaves them, with the group in the
  ///                lower half; all other cells of the groups have the value 0
  template <class = void>
  void run(std::span<const uint64_t> sorted) {
    std::fill(groups_.begin(), groups_.end(), Group{});
    references_below_ = 0;
    reference_ties_ = 0;
    const uint32_t zero = ordered_key(0.0f);
    size_t i = 0;
    const auto sweep = [&](auto&& more) {
      while (i < sorted.size() && more(uint32_t(sorted[i] >> 32))) {
        const auto key = uint32_t(sorted[i] >> 32);
        touched_.clear();
        for (; i < sorted.size() && uint32_t(sorted[i] >> 32) == key; ++i) {
          const auto group = uint32_t(sorted[i]);
          if (in_block_[group]++ == 0) touched_.push_back(group);
        }
        end_block();
      }
    };
    sweep([&](uint32_t key) { return key < zero; });
    const size_t below = i;
    count_zeros(sorted);
    end_block();
    i = below;
    sweep([](uint32_t) { return true; });
  }

  const Group& group(size_t g) const { return groups_[g]; }
  /// Sum of r^3 - r over the blocks of equal values among the cells of the reference.
  double reference_ties() const { return reference_ties_; }

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

  template <class = void>
  void end_block() {
    const double r = in_block_[reference_];
    for (uint32_t g : touched_) {
      if (g == reference_) continue;
      const double c = in_block_[g];
      groups_[g].twice_u += in_block_[g] * (2 * references_below_ + in_block_[reference_]);
      groups_[g].added_ties += (c * c - 1) * c + 3 * r * c * (r + c);
    }
    reference_ties_ += (r * r - 1) * r;
    references_below_ += in_block_[reference_];
    for (uint32_t g : touched_) in_block_[g] = 0;
  }

  std::vector<uint32_t> sizes_;
  uint32_t reference_;
  std::vector<Group> groups_;
  std::vector<uint64_t> in_block_;  // cells per group in the current block, zeros between blocks
  std::vector<uint32_t> touched_;   // groups with cells in the current block
  uint64_t references_below_ = 0;
  double reference_ties_ = 0;
};

VCELL_END_NAMESPACE
