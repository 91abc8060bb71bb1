#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/sets/hold_out_controls.hpp"

VCELL_BEGIN_NAMESPACE

/// Perturbations held out of training in one context.
struct HeldOutPerturbations {
  std::vector<std::string> validation;
  std::vector<std::string> test;

  friend bool operator==(const HeldOutPerturbations&, const HeldOutPerturbations&) = default;
};

/// Which cells are for training, validation and test, said with names alone: the content of the
/// TOML files that State uses, where a context is its cell type. Keys of zeroshot and fewshot are
/// "dataset.context" (see split_key).
///
///   SplitSpec spec;
///   spec.datasets = {{"screen", "screen.h5ad"}};
///   spec.training = {"screen"};
///   spec.fewshot["screen.rep_3"].test = {"STAT1"};
struct SplitSpec {
  std::map<std::string, std::string> datasets;  ///< name -> file, folder or pattern
  /// Data sets whose cells are trained on where nothing else is said. In the others only contexts
  /// of zeroshot and fewshot are used.
  std::set<std::string> training;
  /// Contexts of which every perturbed cell has one part -> validation, test, or train, whether or
  /// not their data set is in training.
  std::map<std::string, Part> zeroshot;
  /// Contexts of which some perturbations are held out and the others trained on, whether or not
  /// their data set is in training.
  std::map<std::string, HeldOutPerturbations> fewshot;
  /// Cells held out of every training (context, perturbation) that remains.
  std::optional<HeldOutCells> cells;
  /// The obs column that has the part of every cell (read_split_column), in place of all names
  /// above but those of datasets; empty: there is none.
  std::string column = {};
  /// Controls are kept apart by part: these shares of them (hold_out_controls), or, with a column,
  /// as it says. Nothing: they serve every part.
  std::optional<HeldOutControls> controls = {};

  friend bool operator==(const SplitSpec&, const SplitSpec&) = default;
};

/// The two halves of a key of zeroshot or fewshot.
struct SplitKey {
  std::string dataset, context;
};

/// The data set of a key is the longest declared name that is followed by a dot; the rest is the
/// context, which may have dots of its own. Nothing if no declared name fits.
template <class = void>
std::optional<SplitKey> split_key(const SplitSpec& spec, std::string_view key) {
  for (size_t dot = key.rfind('.'); dot != key.npos && dot > 0; dot = key.rfind('.', dot - 1))
    if (spec.datasets.contains(std::string(key.substr(0, dot))))
      return SplitKey{std::string(key.substr(0, dot)), std::string(key.substr(dot + 1))};
  return std::nullopt;
}

VCELL_END_NAMESPACE
