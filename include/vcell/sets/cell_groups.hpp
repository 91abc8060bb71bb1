#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "vcell/sets/screen.hpp"

VCELL_BEGIN_NAMESPACE

/// Cells that share context and perturbation, and the batch when they were grouped by it.
struct CellGroup {
  int32_t context = 0, perturbation = 0;
  int32_t batch = -1;         ///< -1: of any batch
  std::vector<size_t> cells;  ///< rows of the screen, ascending
};

/// Groups the cells for which keep(cell) is true by (context, perturbation), in the order of the
/// codes, which is that of the names.
/// @param by_batch  group by batch as well; needs a screen with batches
/// @throws ConfigError if by_batch is asked of a screen without batches
template <class Keep>
std::vector<CellGroup> cell_groups(const Screen& screen, Keep&& keep, bool by_batch = false) {
  if (by_batch && !screen.has_batches())
    throw ConfigError(
        "cell_groups: by_batch needs batches and the screen has none; name the batch column");
  const auto key = [&](size_t cell) {
    return std::array{screen.context.codes[cell], screen.perturbation.codes[cell],
                      by_batch ? screen.batch.codes[cell] : -1};
  };
  std::vector<size_t> cells;
  for (size_t cell = 0; cell < screen.cells(); ++cell)
    if (keep(cell)) cells.push_back(cell);
  std::stable_sort(cells.begin(), cells.end(), [&](size_t a, size_t b) { return key(a) < key(b); });
  std::vector<CellGroup> groups;
  for (const size_t cell : cells) {
    const auto [context, perturbation, batch] = key(cell);
    if (groups.empty() || key(groups.back().cells[0]) != std::array{context, perturbation, batch})
      groups.push_back({context, perturbation, batch, {}});
    groups.back().cells.push_back(cell);
  }
  return groups;
}

VCELL_END_NAMESPACE
