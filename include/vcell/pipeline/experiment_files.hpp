#pragma once

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "vcell/sets/dataset_name.hpp"
#include "vcell/train/experiment.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// What files are called as datasets: by their names without .h5ad where these differ, else as they
/// are named.
template <class = void>
std::vector<std::string> names_of_files(const std::vector<std::string>& files) {
  std::vector<std::string> stems;
  for (const std::string& file : files) stems.push_back(stem_of(file));
  const std::set<std::string> distinct(stems.begin(), stems.end());
  return distinct.size() == stems.size() ? stems : files;
}

}  // namespace detail

/// The files whose cells an experiment is on: [data] path and more_files.
/// @throws ConfigError if one comes twice
template <class = void>
std::vector<std::string> experiment_files(const Experiment& e) {
  std::vector<std::string> files{e.data};
  for (const std::string& file : e.more_files) {
    const auto is_same = [&](const std::string& other) {  // however it is spelt
      std::error_code absent;                             // which reading tells of
      return other == file || std::filesystem::equivalent(other, file, absent);
    };
    if (std::ranges::any_of(files, is_same))
      throw ConfigError(message("[data] more_files: ", quoted(file), " comes twice"));
    files.push_back(file);
  }
  return files;
}

VCELL_END_NAMESPACE
