#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/sets/cell_groups.hpp"
#include "vcell/sets/part.hpp"

VCELL_BEGIN_NAMESPACE

/// Which fraction of every perturbation's cells is held out. It measures the fit to perturbations
/// that were trained on, not generalisation to others.
struct HeldOutCells {
  double validation = 0;  ///< of a pair's cells, in [0, 1)
  double test = 0;        ///< of a pair's cells, in [0, 1); both together below 1
  uint64_t seed = 42;     ///< which cells

  friend bool operator==(const HeldOutCells&, const HeldOutCells&) = default;
};

namespace detail {

/// fraction * n, rounded to nearest, halves up: 0.29 of 50 is 15, though the product comes out a
/// little below 14.5.
template <class = void>
size_t rounded_share(double fraction, size_t n) {
  return size_t(std::floor(fraction * double(n) + 0.5 + 1e-9));
}

/// fraction * n, rounded down: 0.29 of 100 is 29, though the product comes out a little below.
template <class = void>
size_t floored_share(double fraction, size_t n) {
  return size_t(std::floor(fraction * double(n) + 1e-9));
}

}  // namespace detail

/// @throws ConfigError if a fraction is not in [0, 1) or both together are not below 1
template <class = void>
void check_held_out_cells(const HeldOutCells& held) {
  if (!(held.validation >= 0 && held.test >= 0 && held.validation + held.test < 1))
    throw ConfigError(message("hold_out_cells: the fractions of cells held out are ",
                              held.validation, " for validation and ", held.test,
                              " for test, expected numbers from 0 whose sum is below 1"));
}

/// Moves cells out of train: of the n training cells of each (context, perturbation), controls
/// left alone, round(n * test) to test and round(n * validation) to validation (halves up), but
/// always one cell fewer than n. Which ones depends on seed, purpose and the pair's names, not on
/// the other pairs.
/// @param parts    (cells)
/// @param purpose  what the cells are held out for: draws for different ones are independent
/// @throws ConfigError if the fractions are not what check_held_out_cells wants
template <class = void>
void hold_out_cells(const Screen& screen, const HeldOutCells& held, std::span<Part> parts,
                    std::string_view purpose = "hold_out_cells") {
  check_size_match("hold_out_cells", "parts", parts.size(), "cells", screen.cells());
  check_held_out_cells(held);
  const auto trained = [&](size_t cell) {
    return parts[cell] == Part::train && !screen.is_control(cell);
  };
  for (const CellGroup& group : cell_groups(screen, trained)) {
    const size_t n = group.cells.size();
    const size_t test = std::min(detail::rounded_share(held.test, n), n - 1);
    const size_t validation = std::min(detail::rounded_share(held.validation, n), n - 1 - test);
    Rng rng(held.seed,
            stream_of(message(purpose, '\n', screen.context.names[size_t(group.context)], '\n',
                              screen.perturbation.names[size_t(group.perturbation)])));
    const auto order = permutation(n, rng);
    for (size_t i = 0; i < test + validation; ++i)
      parts[group.cells[order[i]]] = i < test ? Part::test : Part::validation;
  }
}

VCELL_END_NAMESPACE
