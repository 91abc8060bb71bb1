#pragma once

#include <algorithm>
#include <span>

#include "vcell/core/instantiate.hpp"
#include "vcell/sets/hold_out_cells.hpp"

VCELL_BEGIN_NAMESPACE

struct ValidationCellsOptions {
  /// Of the cells of each training (context, perturbation).
  double fraction = 0.1;
  /// Which cells.
  uint64_t seed = 42;
};

/// Sees to it that there are cells to validate on: when no cell is in validation, a fraction of the
/// training cells of every (context, perturbation) moves there (hold_out_cells). Test cells and
/// controls stay where they are. Pairs of fewer than five cells give none at the default fraction.
/// @param parts  (cells)
/// @return       the cells moved: 0 when the split has a validation part of its own
template <class = void>
size_t add_validation_cells(const Screen& screen, std::span<Part> parts,
                            const ValidationCellsOptions& options = {}) {
  const auto count = [&] {
    size_t cells = 0;  // controls that are kept apart for validation are none to validate on
    for (size_t i = 0; i < parts.size(); ++i)
      cells += parts[i] == Part::validation &&
               !(screen.serves(i, Part::validation) && !screen.serves_all(i));
    return cells;
  };
  if (count()) return 0;
  hold_out_cells(screen, {.validation = options.fraction, .seed = options.seed}, parts);
  return count();
}

VCELL_INSTANTIATE(data, size_t add_validation_cells<void>(const Screen&, std::span<Part>,
                                                          const ValidationCellsOptions&));

VCELL_END_NAMESPACE
