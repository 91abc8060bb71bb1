#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/data/row_source.hpp"

VCELL_BEGIN_NAMESPACE

/// Which group each cell is in, such as its batch. Borrowed.
struct CellGroups {
  std::span<const int32_t> of_cells = {};  ///< -1: takes no part; empty: all are in group 0
  size_t number = 1;                       ///< of groups
};

namespace detail {

/// The place of the first of ascending numbers that is not below x, looked for around a guess.
inline size_t place_near(std::span<const int32_t> numbers, int32_t x, size_t guess) {
  const size_t n = numbers.size();
  size_t low = std::min(guess, n), high = low;  // numbers[.. low - 1] < x <= numbers[high ..]
  for (size_t step = 16; high < n && numbers[high] < x; step *= 2)
    low = high + 1, high = std::min(n, high + step);
  for (size_t step = 16; low > 0 && numbers[low - 1] >= x; step *= 2)
    high = low - 1, low -= std::min(low, step);
  return size_t(std::lower_bound(numbers.begin() + std::ptrdiff_t(low),
                                 numbers.begin() + std::ptrdiff_t(high), x) -
                numbers.begin());
}

}  // namespace detail

/// What is found of every gene over the cells, such as sums, apart for each group of cells. It is
/// made from blocks of rows that are handed in one after the other, so several of them, and what is
/// found of the cells (PerCell), share one pass over a source (see accumulate).
///
/// Cells are taken in their order, and a thread has genes of its own, so neither threads nor blocks
/// change a bit, and a group's states are those of its rows alone. There is one state for each
/// group and gene, and nothing beside them. Cells that store nothing for a gene are not told:
/// cells_in says how many there are.
///
/// @tparam State  begins as State()
/// @tparam F      f(std::span<const int32_t> genes, std::span<const T> values, State* states):
///                some values of one cell, to be told to states[genes[k]]; see each_value
template <class State, class F>
class PerGene {
 public:
  /// @throws ConfigError if groups.number is 0; ShapeError if a group is not below it
  PerGene(size_t genes, F f, CellGroups groups = {});

  /// Looks at the cells first_cell, first_cell + 1, ...
  /// @throws ShapeError if the block has another number of genes, or cells beyond those of the
  ///         groups
  template <class T>
  void add(size_t first_cell, const CsrView<T>& block);

  /// (genes) of the cells of a group so far
  std::span<const State> of_group(size_t group) const {
    return std::span(states_).subspan(group * genes_, genes_);
  }
  /// The same to write to, where states begin as something else than State().
  std::span<State> of_group(size_t group) {
    return std::span(states_).subspan(group * genes_, genes_);
  }
  /// Cells of a group so far.
  size_t cells_in(size_t group) const { return cells_in_[group]; }
  size_t groups() const { return cells_in_.size(); }
  size_t genes() const { return genes_; }

 private:
  int32_t group_of(size_t cell) const {
    return groups_.of_cells.empty() ? 0 : groups_.of_cells[cell];
  }

  F f_;
  size_t genes_;
  CellGroups groups_;
  std::vector<State> states_;     // (groups, genes)
  std::vector<size_t> cells_in_;  // (groups)
};

template <class State, class F>
PerGene<State, F>::PerGene(size_t genes, F f, CellGroups groups)
    : f_(std::move(f)), genes_(genes), groups_(groups) {
  check_positive("PerGene", "groups.number", groups.number);
  for (const int32_t group : groups.of_cells)
    if (group != -1) check_index("PerGene", "group", group, groups.number);
  states_.resize(groups.number * genes);
  cells_in_.resize(groups.number);
}

template <class State, class F>
template <class T>
void PerGene<State, F>::add(size_t first_cell, const CsrView<T>& block) {
  check_size_match("PerGene", "columns of a block", block.columns, "genes", genes_);
  if (!groups_.of_cells.empty() && first_cell + block.rows > groups_.of_cells.size()) [[unlikely]]
    detail::fail<ShapeError>("PerGene: a block ends at row ", first_cell + block.rows,
                             ", and there are groups of ", groups_.of_cells.size(), " cells");
  // Parts of the genes: two for each thread, so that one which takes long is made up for. How many
  // there are changes no result.
  const size_t threads = size_t(num_threads());
  const size_t width = threads == 1 ? genes_ : std::max<size_t>(256, genes_ / (2 * threads) + 1);
  parallel_for(genes_, width, [&](size_t first_gene, size_t last_gene) {
    // Where a part begins and ends in a row is about where it does in the row before.
    double begin_at = double(first_gene) / double(genes_),
           end_at = double(last_gene) / double(genes_);
    for (size_t row = 0; row < block.rows; ++row) {
      const int32_t group = group_of(first_cell + row);
      if (group < 0) continue;
      const auto genes = block.row_indices(row);
      const auto values = block.row_values(row);
      if (genes.empty()) continue;
      const double size = double(genes.size());
      const size_t begin =
          first_gene ? detail::place_near(genes, int32_t(first_gene), size_t(begin_at * size)) : 0;
      const size_t end = last_gene < genes_
                             ? detail::place_near(genes, int32_t(last_gene), size_t(end_at * size))
                             : genes.size();
      begin_at = double(begin) / size;
      end_at = double(end) / size;
      f_(genes.subspan(begin, end - begin), values.subspan(begin, end - begin),
         states_.data() + size_t(group) * genes_);
    }
  });
  for (size_t row = 0; row < block.rows; ++row)
    if (const int32_t group = group_of(first_cell + row); group >= 0) ++cells_in_[size_t(group)];
}

/// The F of PerGene that calls f(State&, T) for one value after the other.
template <class F>
auto each_value(F f) {
  return [f](std::span<const int32_t> genes, const auto& values, auto* states) {
    for (size_t k = 0; k < genes.size(); ++k) f(states[size_t(genes[k])], values[k]);
  };
}

/// PerGene with its State given and F found.
template <class State, class F>
PerGene<State, F> per_gene(size_t genes, F f, CellGroups groups = {}) {
  return {genes, std::move(f), groups};
}

VCELL_END_NAMESPACE
