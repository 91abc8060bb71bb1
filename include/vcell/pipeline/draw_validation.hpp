#pragma once

#include <cstdint>
#include <span>

#include "vcell/core/callbacks.hpp"
#include "vcell/sets/validation_cells.hpp"
#include "vcell/sets/validation_pairs.hpp"
#include "vcell/train/experiment.hpp"

VCELL_BEGIN_NAMESPACE

/// Draws a validation part where the split has none, as an experiment says: whole pairs of context
/// and perturbation, or cells where no pair can be held out.
/// @param parts  (cells)
/// @param seed   which pairs, or which cells
/// @return       whether anything was drawn
template <class = void>
bool draw_validation(const Experiment& e, const Screen& screen, std::span<Part> parts,
                     uint64_t seed, const Callbacks& callbacks = {}) {
  const size_t pairs =
      add_validation_pairs(screen, parts, {.share = e.validation_pairs, .seed = seed});
  if (pairs)
    note(callbacks, "the split has no validation part: ", pairs,
         " pairs of context and perturbation, whose perturbations train in other contexts too, ",
         "are held out for it");
  const size_t cells =
      add_validation_cells(screen, parts, {.fraction = e.validation, .seed = seed});
  if (cells)
    note(callbacks, "the split has no validation part: ", cells, " training cells were drawn for ",
         "it, of pairs that are trained on: it measures the fit to them");
  return pairs || cells;
}

VCELL_END_NAMESPACE
