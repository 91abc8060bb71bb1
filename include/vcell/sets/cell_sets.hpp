#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "vcell/core/rng.hpp"
#include "vcell/sets/cell_groups.hpp"
#include "vcell/sets/part.hpp"

VCELL_BEGIN_NAMESPACE

struct CellSetOptions {
  /// Which cells are the targets.
  Part part = Part::train;
  /// S: cells in a set.
  size_t set_size = 32;
  /// Whether control cells of this part are targets too, from which the model learns that no
  /// perturbation means no change (as the reference does).
  bool control_sets = true;
  /// Whether the cells of a set are of one batch.
  bool by_batch = false;
  /// Whether a short last set is filled up with cells of its group, drawn with replacement.
  /// Otherwise it stays short, and batches are padded.
  bool fill = true;
  /// (cells) a number for every cell: cells of different numbers never share a set; empty: none.
  /// Not needed after the constructor.
  std::span<const int32_t> strata = {};
};

/// In the place of a cell where a set is padded.
inline constexpr size_t no_cell = ~size_t(0);

/// All sets of one epoch, in the order of their visit.
struct EpochSets {
  std::vector<size_t>
      cells;  ///< (sets, S) rows of the screen; no_cell after the end of a short set
  std::vector<size_t> group;  ///< (sets) which group a set was cut from
};

/// Sets of S cells that share context and perturbation, and batch and stratum if asked for. In
/// every epoch each group is shuffled anew and cut into sets, a short last one is filled from its
/// own group with replacement (or stays short), and the sets of all groups are visited in random
/// order. So each cell is seen at least once an epoch, and a perturbation counts by its cells.
class CellSets {
 public:
  /// @param parts  (cells)
  /// @throws ConfigError if set_size is 0, or by_batch is asked of a screen without batches
  /// @throws ShapeError  if parts, or strata that are given, are not one for every cell
  template <class = void>
  CellSets(const Screen& screen, std::span<const Part> parts, const CellSetOptions& options)
      : set_size_(options.set_size), fill_(options.fill) {
    check_screen(screen);
    check_size_match("CellSets", "parts", parts.size(), "cells", screen.cells());
    check_positive("CellSets", "set_size", set_size_);
    if (!options.strata.empty())
      check_size_match("CellSets", "strata", options.strata.size(), "cells", screen.cells());
    const auto target = [&](size_t cell) {
      return parts[cell] == options.part && (options.control_sets || !screen.is_control(cell));
    };
    groups_ = cell_groups(screen, target, options.by_batch, options.strata);
    for (const CellGroup& group : groups_) sets_ += sets_of(group);
  }

  /// Ordered by context, perturbation, batch and stratum.
  const std::vector<CellGroup>& groups() const { return groups_; }
  size_t set_size() const { return set_size_; }
  /// Sets in an epoch: for each group of n cells ceil(n / S).
  size_t sets() const { return sets_; }

  /// The sets of an epoch: a function of seed and epoch alone.
  template <class = void>
  EpochSets epoch(uint64_t seed, uint64_t epoch) const {
    Rng rng(seed, stream_of("cell sets"));
    rng.seek(epoch << 40);  // an epoch never takes as many draws
    EpochSets cut;
    cut.cells.reserve(sets_ * set_size_);
    cut.group.reserve(sets_);
    for (size_t g = 0; g < groups_.size(); ++g) {
      const auto& cells = groups_[g].cells;
      const size_t first = cut.cells.size();
      cut.cells.insert(cut.cells.end(), cells.begin(), cells.end());
      shuffle(cut.cells.begin() + std::ptrdiff_t(first), cut.cells.end(), rng);
      const size_t n = sets_of(groups_[g]);
      while (cut.cells.size() < first + n * set_size_)
        cut.cells.push_back(fill_ ? cells[rng.below(cells.size())] : no_cell);
      cut.group.insert(cut.group.end(), n, g);
    }
    EpochSets out;
    out.cells.reserve(cut.cells.size());
    out.group.reserve(sets_);
    for (const size_t set : permutation(sets_, rng)) {
      const auto from = cut.cells.begin() + std::ptrdiff_t(set * set_size_);
      out.cells.insert(out.cells.end(), from, from + std::ptrdiff_t(set_size_));
      out.group.push_back(cut.group[set]);
    }
    return out;
  }

 private:
  template <class = void>
  size_t sets_of(const CellGroup& group) const {
    return (group.cells.size() + set_size_ - 1) / set_size_;
  }

  size_t set_size_, sets_ = 0;
  bool fill_;
  std::vector<CellGroup> groups_;
};

VCELL_END_NAMESPACE
