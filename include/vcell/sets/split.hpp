#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/sets/check_split.hpp"

VCELL_BEGIN_NAMESPACE

struct AssignOptions {
  /// Whether the control cells of a zero-shot context may be learnt from (part train). By default
  /// they have the part of their context. Either way they serve as its inputs.
  bool train_on_zeroshot_controls = false;
  /// Whether names that the screen does not have are left out (see CheckSplitOptions).
  bool lenient = false;
};

/// The part of every cell under a split. Control cells are train wherever their context is trained
/// on, and serve as inputs of every part; but where the split keeps them apart
/// (SplitSpec::controls) shares of them are validation and test. Cells of a context without
/// controls are unused. A perturbation held out for validation and test alike is test.
///
/// @param dataset  the screen's name in the split (see dataset_name)
/// @return         (cells)
/// @throws ConfigError if the split does not fit the screen (see check_split), or its parts are
///         those of an obs column
template <class = void>
std::vector<Part> assign_parts(const Screen& screen, const SplitSpec& spec,
                               const std::string& dataset, const AssignOptions& options = {}) {
  if (!spec.column.empty())
    throw ConfigError(message("assign_parts: the parts of cells are those of obs column ",
                              quoted(spec.column), " ([cells] column), which a screen does not ",
                              "have; read_split_column reads them"));
  check_split(screen, spec, dataset, {.lenient = options.lenient});
  const size_t contexts = screen.context.names.size(), n = screen.perturbation.names.size();
  std::vector<Part> part_of(contexts * n,
                            spec.training.contains(dataset) ? Part::train : Part::unused);
  // The row of a key's context; empty if it is of another data set, or left out.
  const auto row = [&](const std::string& key) -> std::span<Part> {
    const auto parts = split_key(spec, key);
    const int32_t code = parts->dataset == dataset ? screen.context.code(parts->context) : -1;
    return code < 0 ? std::span<Part>() : std::span(part_of).subspan(size_t(code) * n, n);
  };
  for (const auto& [key, part] : spec.zeroshot) {
    const auto parts = row(key);
    std::fill(parts.begin(), parts.end(), part);
    if (options.train_on_zeroshot_controls && !parts.empty())
      parts[size_t(screen.control)] = Part::train;
  }
  for (const auto& [key, held] : spec.fewshot) {
    const auto parts = row(key);
    if (parts.empty()) continue;
    std::fill(parts.begin(), parts.end(), Part::train);  // also where the data set does not train
    // In this order: of a name in both lists the cells are test.
    for (const auto& [names, part] :
         {std::pair(&held.validation, Part::validation), std::pair(&held.test, Part::test)})
      for (const std::string& name : *names)
        if (const int32_t code = screen.perturbation.code(name); code >= 0)
          parts[size_t(code)] = part;
  }
  const auto has_controls = contexts_with_controls(screen);
  for (size_t c = 0; c < contexts; ++c)
    if (!has_controls[c]) std::fill_n(part_of.data() + c * n, n, Part::unused);
  std::vector<Part> parts(screen.cells());
  for (size_t i = 0; i < parts.size(); ++i)
    parts[i] = part_of[size_t(screen.context.codes[i]) * n + size_t(screen.perturbation.codes[i])];
  if (spec.cells) hold_out_cells(screen, *spec.cells, parts, "split by cells");
  if (spec.controls) hold_out_controls(screen, *spec.controls, parts);
  return parts;
}

/// Perturbations with cells held out and none in train: a model that knows perturbations by their
/// names alone (one-hot) cannot predict them.
/// @param parts  (cells)
template <class = void>
std::vector<std::string> unseen_perturbations(const Screen& screen, std::span<const Part> parts) {
  check_size_match("unseen_perturbations", "parts", parts.size(), "cells", screen.cells());
  std::vector<uint8_t> trained(screen.perturbation.names.size()), held(trained.size());
  for (size_t i = 0; i < parts.size(); ++i) {
    const auto code = size_t(screen.perturbation.codes[i]);
    trained[code] |= parts[i] == Part::train;
    held[code] |= parts[i] == Part::validation || parts[i] == Part::test;
  }
  std::vector<std::string> out;
  for (size_t code = 0; code < trained.size(); ++code)
    if (held[code] && !trained[code] && int32_t(code) != screen.control)
      out.push_back(screen.perturbation.names[code]);
  return out;
}

VCELL_INSTANTIATE(data,
                  std::vector<Part> assign_parts<void>(const Screen&, const SplitSpec&,
                                                       const std::string&, const AssignOptions&));

VCELL_END_NAMESPACE
