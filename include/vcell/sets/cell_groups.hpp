#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "vcell/sets/screen.hpp"

VCELL_BEGIN_NAMESPACE

/// In the place of a cell where a set is padded.
inline constexpr size_t no_cell = ~size_t(0);

/// Cells that share context and perturbation, and batch or stratum when they were grouped by it.
struct CellGroup {
  int32_t context = 0, perturbation = 0;
  int32_t batch = -1;         ///< -1: of any batch
  int32_t stratum = -1;       ///< -1: not told apart
  std::vector<size_t> cells;  ///< rows of the screen, ascending
};

/// Groups the cells for which keep(cell) is true by (context, perturbation), in the order of the
/// codes, which is that of the names.
/// @param by_batch  group by batch as well; needs a screen with batches
/// @param strata    (cells) group by these numbers as well, last in the order; empty: do not
/// @throws ConfigError if by_batch is asked of a screen without batches
/// @throws ShapeError  if strata are given and not one for every cell
template <class Keep>
std::vector<CellGroup> cell_groups(const Screen& screen, Keep&& keep, bool by_batch = false,
                                   std::span<const int32_t> strata = {}) {
  if (by_batch && !screen.has_batches())
    throw ConfigError(
        "cell_groups: by_batch needs batches and the screen has none; name the batch column");
  if (!strata.empty())
    check_size_match("cell_groups", "strata", strata.size(), "cells", screen.cells());
  const auto key = [&](size_t cell) {
    return std::array{screen.context.codes[cell], screen.perturbation.codes[cell],
                      by_batch ? screen.batch.codes[cell] : -1, strata.empty() ? -1 : strata[cell]};
  };
  std::vector<size_t> cells;
  for (size_t cell = 0; cell < screen.cells(); ++cell)
    if (keep(cell)) cells.push_back(cell);
  std::stable_sort(cells.begin(), cells.end(), [&](size_t a, size_t b) { return key(a) < key(b); });
  std::vector<CellGroup> groups;
  for (const size_t cell : cells) {
    const auto [context, perturbation, batch, stratum] = key(cell);
    if (groups.empty() || key(groups.back().cells[0]) != key(cell))
      groups.push_back({context, perturbation, batch, stratum, {}});
    groups.back().cells.push_back(cell);
  }
  return groups;
}

VCELL_END_NAMESPACE
