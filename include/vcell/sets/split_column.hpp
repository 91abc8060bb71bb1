#pragma once

#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/data/anndata.hpp"
#include "vcell/sets/make_split.hpp"
#include "vcell/sets/part.hpp"
#include "vcell/sets/split.hpp"

VCELL_BEGIN_NAMESPACE

/// The part of every cell by an obs column with `train`, `val` (or `validation`) and `test`; cells
/// without a value are unused.
/// @throws ConfigError if there is no such column, or it has another value
template <class = void>
std::vector<Part> read_split_column(const AnnData& adata, const std::string& key) {
  if (!adata.obs.has(key))
    throw ConfigError(message("read_split_column: no column ", quoted(key), " in obs; ",
                              names_there({key}, adata.obs.names())));
  const Factor labels = factor(adata.obs.column(key));
  std::vector<Part> part_of;
  std::vector<std::string> strange;
  for (const std::string& name : labels.names) {
    const bool validation = name == "val" || name == "validation";
    if (name != "train" && name != "test" && !validation) strange.push_back(name);
    part_of.push_back(name == "train" ? Part::train : validation ? Part::validation : Part::test);
  }
  if (!strange.empty())
    throw ConfigError(message("read_split_column: obs column ", quoted(key), " has ",
                              list_of(strange), ", expected train, val and test"));
  std::vector<Part> out;
  for (const int32_t code : labels.codes)
    out.push_back(code < 0 ? Part::unused : part_of[size_t(code)]);
  return out;
}

/// The part of every cell under a split, whether names say it (assign_parts) or an obs column
/// (SplitSpec::column): then controls have the part that is written there, and cells of a context
/// without controls, from which nothing can be predicted, are unused.
/// @param screen  the labels of adata
/// @throws ConfigError as assign_parts and read_split_column
template <class = void>
std::vector<Part> parts_of_cells(const AnnData& adata, const Screen& screen, const SplitSpec& spec,
                                 const std::string& dataset, const AssignOptions& options = {}) {
  if (spec.column.empty()) return assign_parts(screen, spec, dataset, options);
  auto out = read_split_column(adata, spec.column);
  check_size_match("parts_of_cells", "cells", out.size(), "cells of the screen", screen.cells());
  const auto has_controls = contexts_with_controls(screen);
  for (size_t i = 0; i < out.size(); ++i)
    if (!has_controls[size_t(screen.context.codes[i])]) out[i] = Part::unused;
  return out;
}

/// The pairs of context and perturbation with cells in train and in test.
/// @param parts  (cells)
template <class = void>
size_t count_mixed_pairs(const Screen& screen, std::span<const Part> parts) {
  check_size_match("count_mixed_pairs", "parts", parts.size(), "cells", screen.cells());
  const size_t n = screen.perturbation.names.size();
  std::vector<uint8_t> seen(screen.context.names.size() * n);
  for (size_t i = 0; i < parts.size(); ++i)
    if (!screen.is_control(i) && (parts[i] == Part::train || parts[i] == Part::test))
      seen[size_t(screen.context.codes[i]) * n + size_t(screen.perturbation.codes[i])] |=
          parts[i] == Part::train ? 1 : 2;
  return size_t(std::count(seen.begin(), seen.end(), 3));
}

/// Writes parts as such a column: `train`, `val`, `test`, and nothing for what is unused.
/// @throws ShapeError if there is not one part for every cell
template <class = void>
void write_split_column(AnnData& adata, const std::string& key, std::span<const Part> parts) {
  check_size_match("write_split_column", "parts", parts.size(), "cells", adata.cells());
  Categorical column{{}, std::vector<std::string>{"train", "val", "test"}, false};
  for (const Part part : parts) column.codes.push_back(part == Part::unused ? -1 : int32_t(part));
  adata.obs.set(key, std::move(column));
}

/// The split that parts are, by names: a context is zero-shot where no control trains and all its
/// perturbed cells are of one held-out part, any other names what it holds out. assign_parts of it
/// gives every perturbed cell its part again.
/// @param parts  (cells)
/// @throws ConfigError if the perturbed cells of a (context, perturbation) are in several parts,
///         which no names can say, or some are unused
template <class = void>
SplitSpec split_of_parts(const Screen& screen, const SplitDataset& dataset,
                         std::span<const Part> parts) {
  check_screen(screen);
  check_size_match("split_of_parts", "parts", parts.size(), "cells", screen.cells());
  std::map<std::pair<int32_t, int32_t>, Part> pairs;
  std::vector<std::string> mixed;
  size_t unused = 0;
  std::vector<bool> controls_train(screen.context.names.size());
  for (size_t i = 0; i < parts.size(); ++i) {
    if (screen.is_control(i)) {
      if (parts[i] == Part::train) controls_train[size_t(screen.context.codes[i])] = true;
      continue;
    }
    unused += parts[i] == Part::unused;
    const std::pair pair{screen.context.codes[i], screen.perturbation.codes[i]};
    const auto [found, is_new] = pairs.emplace(pair, parts[i]);
    if (is_new || found->second == parts[i]) continue;
    const std::string name = message(screen.context.names[size_t(pair.first)], '|',
                                     screen.perturbation.names[size_t(pair.second)]);
    if (mixed.empty() || mixed.back() != name) mixed.push_back(name);
  }
  if (!mixed.empty())
    throw ConfigError(
        message("split_of_parts: cells of one perturbation in one context are in ",
                "several parts: ", list_of(mixed), "; a split by names cannot say ",
                "that: hold out whole pairs, or a share of the cells (split_by_cells), or name ",
                "the column ([split] path obs:COLUMN)"));
  if (unused)
    throw ConfigError(message("split_of_parts: ", unused, " perturbed cells are in no part, which ",
                              "a split by names cannot say; leave them out of the data"));
  SplitSpec spec = detail::trained_on(dataset);
  std::vector<std::vector<std::pair<int32_t, Part>>> of(screen.context.names.size());
  for (const auto& [pair, part] : pairs) of[size_t(pair.first)].emplace_back(pair.second, part);
  for (size_t c = 0; c < of.size(); ++c) {
    const std::string key = message(dataset.name, '.', screen.context.names[c]);
    if (of[c].empty()) continue;
    const Part first = of[c].front().second;
    const bool alike = std::all_of(of[c].begin(), of[c].end(),
                                   [&](const auto& entry) { return entry.second == first; });
    if (alike && first == Part::train) continue;
    if (alike && !controls_train[c]) {
      spec.zeroshot[key] = first;
      continue;
    }
    HeldOutPerturbations held;
    for (const auto& [code, part] : of[c])
      if (part != Part::train)
        (part == Part::test ? held.test : held.validation)
            .push_back(screen.perturbation.names[size_t(code)]);
    spec.fewshot[key] = std::move(held);
  }
  return spec;
}

VCELL_END_NAMESPACE
