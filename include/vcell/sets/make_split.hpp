#pragma once

#include <algorithm>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/sets/draw_names.hpp"
#include "vcell/sets/near_names.hpp"
#include "vcell/sets/split_spec.hpp"

// Splits made for a screen that is one data set. Every one is a SplitSpec, so it can be written to
// a file, read and changed by people, and applied again with the same cells as its result.

VCELL_BEGIN_NAMESPACE

/// The data set that a split is made for.
struct SplitDataset {
  std::string name;  ///< e.g. the file's stem
  std::string path;  ///< where its file is
};

namespace detail {

template <class = void>
SplitSpec trained_on(const SplitDataset& dataset) {
  if (dataset.name.empty()) throw ConfigError("make_split: the data set's name is empty");
  SplitSpec spec;
  spec.datasets[dataset.name] = dataset.path;
  spec.training = {dataset.name};
  return spec;
}

template <class = void>
int32_t known_context(const char* function, const Screen& screen, const std::string& context) {
  const int32_t code = screen.context.code(context);
  if (code < 0)
    throw ConfigError(message(function, ": the screen has no context ", quoted(context), "; ",
                              names_there({context}, screen.context.names)));
  return code;
}

/// Names of the perturbations with cells in a context (-1: in any), sorted, without the control.
template <class = void>
std::vector<std::string> perturbations_in(const Screen& screen, int32_t context) {
  std::vector<uint8_t> there(screen.perturbation.names.size());
  for (size_t i = 0; i < screen.cells(); ++i)
    if (context < 0 || screen.context.codes[i] == context)
      there[size_t(screen.perturbation.codes[i])] = 1;
  there[size_t(screen.control)] = 0;
  std::vector<std::string> names;
  for (size_t code = 0; code < there.size(); ++code)
    if (there[code]) names.push_back(screen.perturbation.names[code]);
  return names;
}

template <class = void>
std::vector<std::string> shuffled(std::vector<std::string> names, uint64_t seed,
                                  std::string_view purpose) {
  Rng rng(seed, stream_of(purpose));
  shuffle(names.begin(), names.end(), rng);
  return names;
}

template <class = void>
std::vector<std::string> sorted_part(const std::vector<std::string>& names, size_t begin,
                                     size_t end) {
  std::vector<std::string> part(names.begin() + std::ptrdiff_t(begin),
                                names.begin() + std::ptrdiff_t(end));
  std::sort(part.begin(), part.end());
  return part;
}

/// Of these perturbations of a context, in an order drawn by the seed, the first `kept` train and
/// the others are test; whatever is not named trains.
/// @param names  sorted
template <class = void>
SplitSpec tested_but_for(size_t kept, const std::vector<std::string>& names,
                         const SplitDataset& dataset, const std::string& context, uint64_t seed) {
  SplitSpec spec = trained_on(dataset);
  spec.fewshot[message(dataset.name, '.', context)].test =
      sorted_part(shuffled(names, seed, "split_underrepresented"), kept, names.size());
  return spec;
}

}  // namespace detail

struct SplitByPerturbationOptions {
  double validation = 0.16;  ///< of the perturbations, rounded to nearest
  double test = 0.20;        ///< of the perturbations, rounded to nearest; train is the rest
  uint64_t seed = 42;        ///< which ones
  /// (perturbations of the screen) how strong each is, such as effect_sizes gives: then weak and
  /// strong ones are held out alike (see draw_names). Empty: not told apart.
  std::span<const double> effects = {};
  /// The perturbations of a part by name, in place of a share of them.
  std::optional<std::vector<std::string>> validation_names = {}, test_names = {};
};

namespace detail {

/// Those of a list, sorted.
template <class = void>
std::vector<std::string> listed(const Screen& screen, std::vector<std::string> names,
                                const char* list) {
  std::vector<std::string> absent;
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    const int32_t code = screen.perturbation.code(name);
    if (code < 0) absent.push_back(name);
    if (code == screen.control)
      throw ConfigError(message("split_by_perturbation: ", list, " has the control ", quoted(name),
                                ", which every part needs; take it out"));
  }
  if (!absent.empty())
    throw ConfigError(message("split_by_perturbation: ", list, " has perturbations that the ",
                              "screen does not have: ", list_of(absent), "; ",
                              names_there(absent, screen.perturbation.names)));
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end())
    throw ConfigError(message("split_by_perturbation: ", list, " has ", quoted(*twice), " twice"));
  return names;
}

template <class = void>
std::vector<std::string> both(const std::vector<std::string>& a,
                              const std::vector<std::string>& b) {
  std::vector<std::string> out;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  return out;
}

/// Lists that were given, and what is drawn of the others.
template <class = void>
DrawnNames held_out_names(const Screen& screen, const SplitByPerturbationOptions& options) {
  DrawnNames held;
  if (options.test_names) held.test = listed(screen, *options.test_names, "test_names");
  if (options.validation_names)
    held.validation = listed(screen, *options.validation_names, "validation_names");
  if (const auto twice = both(held.test, held.validation); !twice.empty())
    throw ConfigError(message("split_by_perturbation: in test_names and in validation_names: ",
                              list_of(twice), "; a model would be chosen by what it is tested on"));
  const auto names = perturbations_in(screen, -1);
  std::vector<std::string> free;
  std::vector<double> effects;
  for (const std::string& name : names) {
    if (std::binary_search(held.test.begin(), held.test.end(), name) ||
        std::binary_search(held.validation.begin(), held.validation.end(), name))
      continue;
    free.push_back(name);
    if (!options.effects.empty())
      effects.push_back(options.effects[size_t(screen.perturbation.code(name))]);
  }
  const size_t n = names.size();
  const size_t test = options.test_names ? 0 : rounded_share(options.test, n);
  const size_t validation = options.validation_names ? 0 : rounded_share(options.validation, n);
  if (held.test.size() + test == 0 || test + validation >= free.size())
    throw ConfigError(message("split_by_perturbation: ", n, " perturbations give ",
                              held.test.size() + test, " for test and ",
                              held.validation.size() + validation,
                              " for validation, expected at least ",
                              "one for test and one left for training; split by cells instead"));
  auto drawn = draw_names(free, test, validation, options.seed, "split_by_perturbation", effects);
  if (!options.test_names) held.test = std::move(drawn.test);
  if (!options.validation_names) held.validation = std::move(drawn.validation);
  return held;
}

}  // namespace detail

/// Holds perturbations out of every context: 150 give 96 for training, 24 for validation and 30 for
/// test. No perturbation is in two parts. The held-out ones are unseen in training, so a model
/// needs features of perturbations to predict them.
/// @throws ConfigError if the fractions are not at least 0 with a sum below 1, if too few
///         perturbations leave train or test empty, or a list has what the screen has not, the
///         control, or a name that is in the other one
/// @throws ShapeError if there is not one effect for every perturbation
template <class = void>
SplitSpec split_by_perturbation(const Screen& screen, const SplitDataset& dataset,
                                const SplitByPerturbationOptions& options = {}) {
  check_screen(screen);
  if (!(options.validation >= 0 && options.test > 0 && options.validation + options.test < 1))
    throw ConfigError(message("split_by_perturbation: validation ", options.validation,
                              " and test ", options.test,
                              " must not be negative, test above 0 and their sum below 1"));
  if (!options.effects.empty())
    check_size_match("split_by_perturbation", "effects", options.effects.size(), "perturbations",
                     screen.perturbation.names.size());
  SplitSpec spec = detail::trained_on(dataset);
  const DrawnNames all = detail::held_out_names(screen, options);
  for (size_t c = 0; c < screen.context.names.size(); ++c) {
    const auto there = detail::perturbations_in(screen, int32_t(c));
    HeldOutPerturbations held{detail::both(all.validation, there), detail::both(all.test, there)};
    if (!held.validation.empty() || !held.test.empty())
      spec.fewshot[message(dataset.name, '.', screen.context.names[c])] = std::move(held);
  }
  return spec;
}

struct SplitUnderrepresentedOptions {
  double kept = 0.30;  ///< of the context's n perturbations: max(1, floor(kept * n)) train
  uint64_t seed = 42;  ///< which ones, drawn from the sorted names
};

/// An underrepresented context: it keeps a few of its perturbations in training and the others are
/// test. All other contexts, and this one's controls, train.
/// @throws ConfigError if there is no such context, kept is not in (0, 1), or nothing is left to
///         test
template <class = void>
SplitSpec split_underrepresented(const Screen& screen, const SplitDataset& dataset,
                                 const std::string& context,
                                 const SplitUnderrepresentedOptions& options = {}) {
  check_screen(screen);
  if (!(options.kept > 0 && options.kept < 1))
    throw ConfigError(message("split_underrepresented: kept is ", options.kept,
                              ", expected a fraction between 0 and 1"));
  const int32_t code = detail::known_context("split_underrepresented", screen, context);
  const auto names = detail::perturbations_in(screen, code);
  const size_t kept = std::max<size_t>(1, detail::floored_share(options.kept, names.size()));
  if (names.size() <= kept)
    throw ConfigError(message("split_underrepresented: context ", quoted(context), " has ",
                              names.size(), " perturbations, expected at least 2 so that one is ",
                              "left to test; name another context"));
  return detail::tested_but_for(kept, names, dataset, context, options.seed);
}

/// Holds out every perturbed cell of a context.
/// @param part  Part::test or Part::validation
/// @throws ConfigError if there is no such context
template <class = void>
SplitSpec split_zeroshot(const Screen& screen, const SplitDataset& dataset,
                         const std::string& context, Part part = Part::test) {
  check_screen(screen);
  detail::known_context("split_zeroshot", screen, context);
  SplitSpec spec = detail::trained_on(dataset);
  spec.zeroshot[message(dataset.name, '.', context)] = part;
  return spec;
}

/// Holds out a fraction of every perturbation's cells.
/// @throws ConfigError if the fractions are not what check_held_out_cells wants
template <class = void>
SplitSpec split_by_cells(const SplitDataset& dataset, const HeldOutCells& held = {.test = 0.2}) {
  check_held_out_cells(held);
  SplitSpec spec = detail::trained_on(dataset);
  spec.cells = held;
  return spec;
}

VCELL_END_NAMESPACE
