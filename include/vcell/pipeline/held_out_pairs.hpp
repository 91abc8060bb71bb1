#pragma once

#include <map>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/models/draw_near_controls.hpp"
#include "vcell/models/predictor.hpp"
#include "vcell/sets/control_pairing.hpp"
#include "vcell/train/experiment.hpp"

VCELL_BEGIN_NAMESPACE

/// The held-out pairs: every (context, perturbation) with test cells, sorted, and the controls of
/// its context that it is predicted from: as many as it has cells, drawn so that their mean is near
/// that of all of them (PredictFrom::drawn), or every one once.
/// @param parts  (cells)
/// @throws ConfigError if nothing is held out
template <class = void>
std::vector<PredictionRequest> held_out_pairs(const Screen& screen, std::span<const Part> parts,
                                              uint64_t seed, PredictFrom from) {
  check_size_match("held_out_pairs", "parts", parts.size(), "cells", screen.cells());
  std::map<std::pair<int32_t, int32_t>, size_t> cells;
  for (size_t i = 0; i < screen.cells(); ++i)
    if (parts[i] == Part::test && !screen.is_control(i))
      ++cells[{screen.context.codes[i], screen.perturbation.codes[i]}];
  if (cells.empty())
    throw ConfigError(
        "held_out_pairs: the split holds no perturbed cell out for test, so there is nothing to "
        "score; put some into test, or train without scoring");
  const ControlPairing pairing(screen, {.part = Part::test});
  std::vector<PredictionRequest> pairs;
  for (const auto& [pair, n] : cells) {
    const auto& [context, perturbation] = pair;
    const auto controls = pairing.controls(context);
    if (from == PredictFrom::all) {
      pairs.push_back({context, perturbation, {controls.begin(), controls.end()}});
      continue;
    }
    check_in_memory("held_out_pairs", screen);
    Rng rng(seed, stream_of(message("predict ", screen.context.names[size_t(context)], '|',
                                    screen.perturbation.names[size_t(perturbation)])));
    pairs.push_back(
        {context, perturbation, draw_near_controls(screen.expression, controls, n, rng)});
  }
  return pairs;
}

VCELL_INSTANTIATE(pipeline, std::vector<PredictionRequest> held_out_pairs<void>(
                                const Screen&, std::span<const Part>, uint64_t, PredictFrom));

VCELL_END_NAMESPACE
