#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "vcell/eval/count_histogram.hpp"
#include "vcell/eval/tie_blocks.hpp"
#include "vcell/kernels/tie_terms.hpp"

VCELL_BEGIN_NAMESPACE

/// Mann-Whitney's U of each of many groups against all cells that are not in it, for one gene at a
/// time: from the ranks of all values together, with U = R - n (n + 1) / 2 for the rank sum R of
/// the n cells of a group.
class PooledRankSweep {
 public:
  /// @param sizes  cells per group
  template <class = void>
  explicit PooledRankSweep(std::vector<uint32_t> sizes)
      : blocks_(std::move(sizes)), twice_u_(blocks_.sizes().size()) {}

  /// @param sorted  as TieBlocks::for_each wants it
  template <class = void>
  void run(std::span<const uint64_t> sorted) {
    clear();
    blocks_.for_each(
        sorted, [this](auto touched, auto cells) { this->add_block(touched, cells); },
        [this](uint32_t group) { this->twice_u_[group] += 2 * ++this->below_; });
    finish();
  }
  /// The same of counts, in groups of the same sizes.
  template <class = void>
  void run(const CountHistogram& counts) {
    clear();
    counts.for_each([this](auto groups, auto cells) { this->add_block(groups, cells); });
    finish();
  }

  /// 2 U of a group's cells.
  uint64_t twice_u(size_t g) const { return twice_u_[g]; }
  /// Sum of t^3 - t over the blocks of t equal values.
  double ties(size_t) const { return ties_; }

 private:
  template <class = void>
  void clear() {
    std::fill(twice_u_.begin(), twice_u_.end(), uint64_t(0));
    below_ = 0;
    ties_ = 0;
  }

  template <class Groups, class Cells>
  void add_block(const Groups& touched, const Cells& cells) {
    uint64_t equal = 0;
    for (const uint32_t g : touched) equal += cells[g];
    const auto t = double(equal);
    // Twice the mean of the ranks below + 1 .. below + equal.
    for (const uint32_t g : touched) twice_u_[g] += cells[g] * (2 * below_ + equal + 1);
    ties_ += tie_term(t);
    below_ += equal;
  }

  template <class = void>
  void finish() {
    const auto& sizes = blocks_.sizes();
    for (size_t g = 0; g < sizes.size(); ++g) twice_u_[g] -= uint64_t(sizes[g]) * (sizes[g] + 1ull);
  }

  TieBlocks blocks_;
  std::vector<uint64_t> twice_u_;
  uint64_t below_ = 0;
  double ties_ = 0;
};

VCELL_END_NAMESPACE
