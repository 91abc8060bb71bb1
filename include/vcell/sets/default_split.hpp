#pragma once

#include <string>

#include "vcell/core/instantiate.hpp"
#include "vcell/sets/make_split.hpp"

VCELL_BEGIN_NAMESPACE

struct DefaultSplitOptions {
  /// Whether the model knows perturbations by features, so that unseen ones can be predicted.
  bool perturbation_features = false;
  /// Which perturbations or cells.
  uint64_t seed = 42;
};

/// A split made by rule, and the rule in words for people to read.
struct DefaultSplit {
  SplitSpec spec;
  std::string description;
};

/// The split of a screen that comes without one:
/// - two contexts or more: the last one by name is underrepresented, 30 % of its perturbations
///   train and the others are test;
/// - one context, with perturbation features: by perturbation, 64 % train, 16 % validation,
///   20 % test;
/// - else by cells: 20 % of every perturbation's cells are test.
/// @throws ConfigError if the screen has too few perturbations for its rule
template <class = void>
DefaultSplit default_split(const Screen& screen, const SplitDataset& dataset,
                           const DefaultSplitOptions& options = {}) {
  check_screen(screen);
  if (screen.context.names.size() > 1) {
    const std::string& last = screen.context.names.back();
    return {split_underrepresented(screen, dataset, last, {.seed = options.seed}),
            message("context ", quoted(last), " is underrepresented: 30 % of its perturbations ",
                    "train, the others are test")};
  }
  if (options.perturbation_features)
    return {split_by_perturbation(screen, dataset, {.seed = options.seed}),
            "by perturbation: 64 % train, 16 % validation, 20 % test"};
  return {split_by_cells(dataset, {.test = 0.2, .seed = options.seed}),
          "by cells: 20 % of every perturbation's cells are test, which measures fit and not "
          "generalisation"};
}

VCELL_INSTANTIATE(data, DefaultSplit default_split<void>(const Screen&, const SplitDataset&,
                                                         const DefaultSplitOptions&));

VCELL_END_NAMESPACE
