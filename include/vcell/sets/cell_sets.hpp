#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/sets/cell_groups.hpp"
#include "vcell/sets/part.hpp"

VCELL_BEGIN_NAMESPACE

/// How often a perturbation of n cells is met, beside others.
enum class SamplingWeights {
  cells,        ///< as n: every cell is seen as often as any other
  square_root,  ///< as the square root of n
  uniform       ///< as any other perturbation, whatever n is
};

constexpr std::array<std::string_view, 3> choices(SamplingWeights) {
  return {"cells", "square_root", "uniform"};
}

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
  /// How many sets of an epoch a perturbation has; the control counts as one.
  SamplingWeights weights = SamplingWeights::cells;
  /// (cells) a number for every cell: cells of different numbers never share a set; empty: none.
  /// Not needed after the constructor.
  std::span<const int32_t> strata = {};
};

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
///
/// By other weights an epoch has as many sets, T, of which the groups have, in the mean over
/// epochs,
///
///   T * w(p) / sum_q w(q) * n(g) / n(p)       w(p) = n(p)^(1/2), or 1
///
/// where group g has n(g) of the n(p) cells of its perturbation p: as near to that as whole sets
/// can be in every epoch (systematic sampling, Madow 1949). A group with more sets than its cells
/// make is shuffled and cut again; one with fewer gives the first of them.
class CellSets {
 public:
  /// @param parts  (cells)
  /// @throws ConfigError if set_size is 0, or by_batch is asked of a screen without batches
  /// @throws ShapeError  if parts, or strata that are given, are not one for every cell
  template <class = void>
  CellSets(const Screen& screen, std::span<const Part> parts, const CellSetOptions& options)
      : set_size_(options.set_size), fill_(options.fill), weights_(options.weights) {
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
    if (weights_ != SamplingWeights::cells) share_sets(screen.perturbation.names.size());
  }

  /// Ordered by context, perturbation, batch and stratum.
  const std::vector<CellGroup>& groups() const { return groups_; }
  size_t set_size() const { return set_size_; }
  /// Sets in an epoch: the sum over all groups, of n cells each, of ceil(n / S).
  size_t sets() const { return sets_; }

  /// The sets of an epoch: a function of seed and epoch alone.
  template <class = void>
  EpochSets epoch(uint64_t seed, uint64_t epoch) const {
    Rng rng(seed, stream_of("cell sets"));
    rng.seek(epoch << 40);  // an epoch never takes as many draws
    EpochSets cut;
    cut.cells.reserve(sets_ * set_size_);
    cut.group.reserve(sets_);
    const double start = weights_ == SamplingWeights::cells ? 0 : rng.uniform();
    for (size_t g = 0; g < groups_.size(); ++g) {
      const size_t whole = sets_of(groups_[g]);
      size_t wanted = whole;
      if (weights_ != SamplingWeights::cells)
        wanted = size_t(std::floor(shares_[g + 1] + start) - std::floor(shares_[g] + start));
      const size_t end = cut.cells.size() + wanted * set_size_;
      while (cut.cells.size() < end) cut_group(groups_[g], whole, rng, cut.cells);
      cut.cells.resize(end);
      cut.group.insert(cut.group.end(), wanted, g);
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

  /// Appends all cells of a group in random order, cut into its sets.
  template <class = void>
  void cut_group(const CellGroup& group, size_t sets, Rng& rng, std::vector<size_t>& out) const {
    const auto& cells = group.cells;
    const size_t first = out.size();
    out.insert(out.end(), cells.begin(), cells.end());
    shuffle(out.begin() + std::ptrdiff_t(first), out.end(), rng);
    while (out.size() < first + sets * set_size_)
      out.push_back(fill_ ? cells[rng.below(cells.size())] : no_cell);
  }

  /// How many of an epoch's sets the groups before each have in the mean.
  template <class = void>
  void share_sets(size_t perturbations) {
    std::vector<double> cells(perturbations);
    for (const CellGroup& group : groups_)
      cells[size_t(group.perturbation)] += double(group.cells.size());
    double sum = 0;
    const auto weight = [&](double n) {
      return n == 0 ? 0 : weights_ == SamplingWeights::uniform ? 1 : std::sqrt(n);
    };
    for (const double n : cells) sum += weight(n);
    shares_ = {0};
    for (const CellGroup& group : groups_) {
      const double n = cells[size_t(group.perturbation)];
      shares_.push_back(shares_.back() +
                        double(sets_) * weight(n) / sum * double(group.cells.size()) / n);
    }
    if (!groups_.empty()) shares_.back() = double(sets_);
  }

  size_t set_size_, sets_ = 0;
  bool fill_;
  SamplingWeights weights_;
  std::vector<double> shares_;  // (groups + 1); empty where cells weigh alike
  std::vector<CellGroup> groups_;
};

VCELL_END_NAMESPACE
