#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "vcell/core/callbacks.hpp"
#include "vcell/sets/validation_as_tested.hpp"
#include "vcell/sets/validation_cells.hpp"
#include "vcell/train/experiment.hpp"

VCELL_BEGIN_NAMESPACE

/// Draws a validation part where the split has none, as an experiment says: pairs of context and
/// perturbation, perturbations as a whole where the split holds out such
/// (add_validation_as_tested), or cells where neither can be held out.
/// @param parts  (cells)
/// @param seed   which pairs, or which cells
/// @return       whether anything was drawn
template <class = void>
bool draw_validation(const Experiment& e, const Screen& screen, std::span<Part> parts,
                     uint64_t seed, const Callbacks& callbacks = {}) {
  const DrawnValidation drawn = add_validation_as_tested(
      screen, parts, e.labels, {.share = e.validation_pairs, .seed = seed});
  if (drawn.perturbations)
    note(callbacks, "the split has no validation part, and tests perturbations that train in no ",
         "context: ", drawn.perturbations, " others are held out for it in every context");
  if (drawn.pairs)
    note(callbacks, "the split has no validation part: ", drawn.pairs,
         " pairs of context and perturbation, whose perturbations train in other contexts too, ",
         "are held out for it");
  const size_t cells =
      add_validation_cells(screen, parts, {.fraction = e.validation, .seed = seed});
  if (cells)
    note(callbacks, "the split has no validation part: ", cells, " training cells were drawn for ",
         "it, of pairs that are trained on: it measures the fit to them");
  return drawn.pairs || drawn.perturbations || cells;
}

/// The seed of a member of an ensemble, counted from 1: of the first the ensemble's own.
template <class = void>
uint64_t member_seed(uint64_t seed, size_t member) {
  return member == 1 ? seed : Rng(seed, stream_of(message("ensemble\n", member))).next();
}

/// The parts that a member of an ensemble is trained with.
/// @param parts        (cells) those of the first member
/// @param split_parts  (cells) parts before validation was drawn, of which every other member draws
///                     its own; empty: all have those of the first
template <class = void>
std::vector<Part> member_parts(const Experiment& e, const Screen& screen,
                               std::span<const Part> parts, std::span<const Part> split_parts,
                               size_t member, const Callbacks& callbacks = {}) {
  if (member == 1 || split_parts.empty()) return {parts.begin(), parts.end()};
  check_size_match("member_parts", "split_parts", split_parts.size(), "cells", screen.cells());
  std::vector<Part> own(split_parts.begin(), split_parts.end());
  draw_validation(e, screen, own, member_seed(e.training.seed, member), callbacks);
  return own;
}

VCELL_END_NAMESPACE
