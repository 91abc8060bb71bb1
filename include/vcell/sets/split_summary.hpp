#pragma once

#include <array>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/sets/keep_controls_apart.hpp"
#include "vcell/sets/part.hpp"
#include "vcell/sets/screen.hpp"

VCELL_BEGIN_NAMESPACE

/// What the perturbed cells of a part say of a model, by what trains beside them.
struct HeldOutKinds {
  size_t trained_pairs = 0;    ///< (context, perturbation) that train too, by other cells: fit
  size_t few_shot_pairs = 0;   ///< the perturbation trains elsewhere, others train in the context
  size_t zero_shot_pairs = 0;  ///< the perturbation trains elsewhere, and nothing in the context
  size_t unseen_pairs = 0;     ///< the perturbation trains in no context
};

struct PartCounts {
  size_t perturbed_cells = 0, control_cells = 0;
  size_t pairs = 0;          ///< (context, perturbation) with perturbed cells
  size_t perturbations = 0;  ///< with cells, the control not counted
  HeldOutKinds kinds;        ///< of validation and test

  size_t cells() const { return perturbed_cells + control_cells; }
};

/// A split as people judge it.
struct SplitSummary {
  std::array<PartCounts, 4> parts;                  ///< train, validation, test, unused
  std::vector<std::array<PartCounts, 4>> contexts;  ///< the same of each context of the screen
  std::vector<std::string> verdict;                 ///< plain sentences, each one line

  const PartCounts& of(Part part) const { return parts[size_t(part)]; }
};

namespace detail {

/// One line on what a held-out part measures; empty where nothing is in it.
template <class = void>
std::vector<std::string> verdict_of(Part part, const PartCounts& n) {
  std::vector<std::string> out;
  const auto say = [&](size_t pairs, const auto&... text) {
    if (pairs)
      out.push_back(message(name_of(part), ": ", pairs, pairs == 1 ? " pair" : " pairs",
                            " of perturbation and context ", text...));
  };
  say(n.kinds.trained_pairs,
      "whose other cells train: this measures fit, and says nothing of pairs that were not seen");
  say(n.kinds.few_shot_pairs,
      "whose perturbation trains in another context, where other perturbations of the context "
      "train: this measures how effects carry over to a context that is known (few-shot)");
  say(n.kinds.zero_shot_pairs,
      "whose perturbation trains in another context, and nothing in theirs: this measures how "
      "effects carry over to a context that is new (zero-shot)");
  say(n.kinds.unseen_pairs,
      "whose perturbation trains nowhere: models need features of perturbations to predict them");
  return out;
}

}  // namespace detail

/// Counts what is in the parts of a split, and says in plain words what they measure, and of
/// controls that are kept apart (Screen::control_parts) which are missing.
/// @param parts  (cells)
/// @throws ShapeError if there is not one part for every cell
template <class = void>
SplitSummary summarize_split(const Screen& screen, std::span<const Part> parts) {
  check_screen(screen);
  check_size_match("summarize_split", "parts", parts.size(), "cells", screen.cells());
  const size_t contexts = screen.context.names.size(), n = screen.perturbation.names.size();
  const auto bit = [](Part part) { return uint8_t(1 << size_t(part)); };
  std::vector<uint8_t> there(contexts * n), anywhere(n), in_context(contexts);
  SplitSummary out;
  out.contexts.resize(contexts);
  for (size_t i = 0; i < parts.size(); ++i) {
    const auto c = size_t(screen.context.codes[i]), p = size_t(screen.perturbation.codes[i]);
    PartCounts& counts = out.contexts[c][size_t(parts[i])];
    if (screen.is_control(i)) {
      ++counts.control_cells;
      continue;
    }
    ++counts.perturbed_cells;
    there[c * n + p] |= bit(parts[i]);
    anywhere[p] |= bit(parts[i]);
    in_context[c] |= bit(parts[i]);
  }
  const uint8_t train = bit(Part::train);
  for (size_t c = 0; c < contexts; ++c)
    for (size_t part = 0; part < 4; ++part) {
      PartCounts& counts = out.contexts[c][part];
      HeldOutKinds& kinds = counts.kinds;
      for (size_t p = 0; p < n; ++p) {
        if (!(there[c * n + p] & bit(Part(part)))) continue;
        ++counts.pairs;
        if (Part(part) != Part::validation && Part(part) != Part::test) continue;
        ++(there[c * n + p] & train ? kinds.trained_pairs
           : !(anywhere[p] & train) ? kinds.unseen_pairs
           : in_context[c] & train  ? kinds.few_shot_pairs
                                    : kinds.zero_shot_pairs);
      }
      counts.perturbations = counts.pairs;
      PartCounts& all = out.parts[part];
      all.perturbed_cells += counts.perturbed_cells;
      all.control_cells += counts.control_cells;
      all.pairs += counts.pairs;
      all.kinds.trained_pairs += kinds.trained_pairs;
      all.kinds.few_shot_pairs += kinds.few_shot_pairs;
      all.kinds.zero_shot_pairs += kinds.zero_shot_pairs;
      all.kinds.unseen_pairs += kinds.unseen_pairs;
    }
  for (size_t part = 0; part < 4; ++part)
    for (const uint8_t parts_of : anywhere)
      out.parts[part].perturbations += (parts_of & bit(Part(part))) != 0;

  for (const Part part : {Part::validation, Part::test})
    for (std::string& line : detail::verdict_of(part, out.of(part)))
      out.verdict.push_back(std::move(line));
  if (out.of(Part::test).perturbed_cells == 0)
    out.verdict.push_back("test: no perturbed cell, so nothing can be scored");
  if (out.of(Part::validation).perturbed_cells == 0)
    out.verdict.push_back(
        "validation: no perturbed cell; vcell run draws some of those that train");
  if (out.of(Part::train).perturbed_cells == 0)
    out.verdict.push_back("train: no perturbed cell, so no effect can be learnt");
  if (!screen.control_parts.empty()) {
    out.verdict.push_back(message("controls are kept apart: ", out.of(Part::train).control_cells,
                                  " for train, ", out.of(Part::validation).control_cells,
                                  " for validation, ", out.of(Part::test).control_cells,
                                  " for test alone"));
    for (const Part part : {Part::train, Part::validation, Part::test})
      if (const auto lacking = contexts_lacking_controls(screen, parts, part); !lacking.empty())
        out.verdict.push_back(message("missing controls: ", list_of(lacking), " with cells of ",
                                      name_of(part), " and no control of it, so that no run ",
                                      "takes this split"));
    if (out.of(Part::validation).perturbed_cells == 0 &&
        out.of(Part::validation).control_cells == 0)
      out.verdict.push_back("missing controls: none for validation, which vcell run draws");
  }
  std::vector<std::string> twice;
  for (size_t p = 0; p < n; ++p)
    if (!(anywhere[p] & train) && anywhere[p] & bit(Part::validation) &&
        anywhere[p] & bit(Part::test))
      twice.push_back(screen.perturbation.names[p]);
  if (!twice.empty())
    out.verdict.push_back(message("leakage: ", list_of(twice), " train nowhere and are in ",
                                  "validation and test alike, so the model is chosen by targets "
                                  "that it is tested on"));
  return out;
}

VCELL_INSTANTIATE(data, SplitSummary summarize_split<void>(const Screen&, std::span<const Part>));

VCELL_END_NAMESPACE
