#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "vcell/pipeline/data_set_files.hpp"
#include "vcell/sets/split_toml.hpp"
#include "vcell/train/experiment.hpp"

VCELL_BEGIN_NAMESPACE

/// The files that a split's cells are in, in the order of their paths (data_set_files): those of
/// data sets that train or of which a context is named; where an obs column has the parts, of all.
template <class = void>
std::vector<std::string> files_of_split(const SplitSpec& split) {
  SplitSpec used = split;
  const auto is_named = [&](const std::string& name) {
    const auto names_it = [&](const auto& entry) {
      const auto halves = split_key(split, entry.first);
      return halves && halves->dataset == name;
    };
    return split.training.contains(name) || std::ranges::any_of(split.zeroshot, names_it) ||
           std::ranges::any_of(split.fewshot, names_it);
  };
  if (split.column.empty())
    std::erase_if(used.datasets, [&](const auto& entry) { return !is_named(entry.first); });
  return data_set_files(used);
}

/// Where no screen is named and a split's file is, the screen is what the split's data sets are:
/// sets [data] path and more_files to files_of_split.
/// @throws ConfigError if there is no such file; IoError, FormatError as read_split
template <class = void>
void take_files_of_split(Experiment& e) {
  if (!e.data.empty() || e.split.empty() || e.split.starts_with("obs:")) return;
  const SplitSpec split = read_split(
      e.split, nullptr,
      e.split_paths == PathsBegin::working_directory ? std::filesystem::current_path() : "");
  const auto files = files_of_split(split);
  if (files.empty()) {
    std::vector<std::string> named;
    for (const auto& [name, text] : split.datasets) named.push_back(text);
    throw ConfigError(message("[data] path names no screen, and the data sets of ", quoted(e.split),
                              " have no file: ", list_of(named)));
  }
  e.data = files[0];
  e.more_files.assign(files.begin() + 1, files.end());
}

VCELL_END_NAMESPACE
