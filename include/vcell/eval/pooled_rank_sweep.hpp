#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "vcell/eval/tie_blocks.hpp"

VCELL_BEGIN_NAMESPACE

/// Mann-Whitney's U of each of many groups against all cells that are not in it, for one gene at a
/// time: from the ranks of all values together, with U = R - n (n + 1) / 2 for the rank sum R of
/// the n cells of a group.
class PooledRankSweep {
 public:
  /// @param sizes  cells per group
  explicit PooledRankSweep(std::vector<uint32_t> sizes)
      : blocks_(std::move(sizes)), twice_u_(blocks_.sizes().size()) {}

  /// @param sorted  as TieBlocks::for_each wants it
  template <class = void>
  void run(std::span<const uint64_t> sorted) {
    std::fill(twice_u_.begin(), twice_u_.end(), uint64_t(0));
    uint64_t below = 0;
    ties_ = 0;
    blocks_.for_each(sorted,
                     [&](std::span<const uint32_t> touched, std::span<const uint64_t> cells) {
                       uint64_t equal = 0;
                       for (const uint32_t g : touched) equal += cells[g];
                       const auto t = double(equal);
                       // The mean of the ranks below + 1 .. below + equal.
                       for (const uint32_t g : touched)
                         twice_u_[g] += cells[g] * (2 * below + equal + 1);
                       ties_ += (t * t - 1) * t;
                       below += equal;
                     });
    const auto& sizes = blocks_.sizes();
    for (size_t g = 0; g < sizes.size(); ++g) twice_u_[g] -= uint64_t(sizes[g]) * (sizes[g] + 1ull);
  }

  /// 2 U of a group's cells.
  uint64_t twice_u(size_t g) const { return twice_u_[g]; }
  /// Sum of t^3 - t over the blocks of t equal values.
  double ties(size_t) const { return ties_; }

 private:
  TieBlocks blocks_;
  std::vector<uint64_t> twice_u_;
  double ties_ = 0;
};

VCELL_END_NAMESPACE
