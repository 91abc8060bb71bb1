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

/// Mann-Whitney's U of many groups against one reference, for one gene at a time, from one sort of
/// all its values. Each group is compared with the reference alone, as if the others were absent.
///
/// For every block of equal values with r cells of the reference and c of a group, the group's U
/// grows by c (references below + r / 2); its tie term is that of the reference alone plus what its
/// own cells add, (r + c)^3 - (r + c) - (r^3 - r). So a group costs only where it has cells.
class RankSweep {
 public:
  /// @param sizes      cells per group
  /// @param reference  the group that all others are compared with
  template <class = void>
  RankSweep(std::vector<uint32_t> sizes, size_t reference)
      : blocks_(std::move(sizes)),
        reference_(uint32_t(reference)),
        groups_(blocks_.sizes().size()) {}

  /// @param sorted  as TieBlocks::for_each wants it
  template <class = void>
  void run(std::span<const uint64_t> sorted) {
    clear();
    blocks_.for_each(
        sorted, [this](auto touched, auto cells) { this->add_block(touched, cells); },
        [this](uint32_t group) { this->add_one(group); });
  }
  /// The same of counts, in groups of the same sizes.
  template <class = void>
  void run(const CountHistogram& counts) {
    clear();
    counts.for_each([this](auto groups, auto cells) { this->add_block(groups, cells); });
  }

  /// 2 U of a group's cells.
  uint64_t twice_u(size_t g) const { return groups_[g].twice_u; }
  /// Sum of t^3 - t over the blocks of t equal values among the cells of a group and the reference.
  double ties(size_t g) const { return reference_ties_ + groups_[g].added_ties; }
  /// The same among the cells of the reference.
  double reference_ties() const { return reference_ties_; }

 private:
  struct Group {
    uint64_t twice_u = 0;
    double added_ties = 0;  // to reference_ties_
  };

  template <class = void>
  void clear() {
    std::fill(groups_.begin(), groups_.end(), Group{});
    references_below_ = 0;
    reference_ties_ = 0;
  }

  /// @param touched  the groups that may have cells in it
  /// @param cells    how many each group has
  template <class Groups, class Cells>
  void add_block(const Groups& touched, const Cells& cells) {
    const uint64_t references = cells[reference_], twice_below = 2 * references_below_ + references;
    const auto r = double(references);
    for (const uint32_t g : touched) {
      if (g == reference_) continue;
      const auto c = double(cells[g]);
      groups_[g].twice_u += cells[g] * twice_below;
      groups_[g].added_ties += added_tie_term(r, c);
    }
    reference_ties_ += tie_term(r);
    references_below_ += references;
  }

  /// A block of one cell, which is no tie.
  void add_one(uint32_t group) {
    const bool is_reference = group == reference_;
    groups_[group].twice_u += is_reference ? 0 : 2 * references_below_;
    references_below_ += is_reference;
  }

  TieBlocks blocks_;
  uint32_t reference_;
  std::vector<Group> groups_;
  uint64_t references_below_ = 0;
  double reference_ties_ = 0;
};

VCELL_END_NAMESPACE
