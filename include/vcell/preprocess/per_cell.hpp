#pragma once

#include <span>
#include <utility>
#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/data/row_source.hpp"

VCELL_BEGIN_NAMESPACE

/// What f says of the values that a cell's row stores, for every cell, from blocks of rows that are
/// handed in one after the other: several of them, and what is found of the genes (PerGene), share
/// one pass over a source (see accumulate).
/// @tparam F  std::span<const T> (the values, in the order of the genes) -> R
template <class R, class F>
class PerCell {
 public:
  /// @param cells  in all
  PerCell(size_t cells, F f) : f_(std::move(f)), of_cells_(cells) {}

  /// Looks at the cells first_cell, first_cell + 1, ...
  /// @throws ShapeError if there are not so many
  template <class T>
  void add(size_t first_cell, const CsrView<T>& block) {
    if (first_cell + block.rows > of_cells_.size()) [[unlikely]]
      detail::fail<ShapeError>("PerCell: a block ends at row ", first_cell + block.rows, " of ",
                               of_cells_.size(), " cells");
    parallel_for(block.rows, 64, [&](size_t first, size_t last) {
      for (size_t i = first; i < last; ++i) of_cells_[first_cell + i] = f_(block.row_values(i));
    });
  }

  const std::vector<R>& of_cells() const& { return of_cells_; }
  std::vector<R> of_cells() && { return std::move(of_cells_); }

 private:
  F f_;
  std::vector<R> of_cells_;
};

/// The same, with R given and F found: per_cell<double>(X.rows(), [](auto values) { ... }).
template <class R, class F>
PerCell<R, F> per_cell(size_t cells, F f) {
  return {cells, std::move(f)};
}

VCELL_END_NAMESPACE
