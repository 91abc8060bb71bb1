#pragma once

#include <string>
#include <vector>

#include "vcell/pipeline/files_of_split.hpp"

/// The files that a split's cells are in, at least one.
/// @param what  what named the split: a setting or a flag
/// @throws vcell::ConfigError if there is none
inline std::vector<std::string> split_files(const vcell::SplitSpec& split, const std::string& what,
                                            const std::string& toml) {
  auto files = vcell::files_of_split(split);
  if (!files.empty()) return files;
  std::vector<std::string> named;
  for (const auto& [name, text] : split.datasets) named.push_back(text);
  throw vcell::ConfigError(vcell::message(
      what, ": the data sets of ", vcell::quoted(toml), " have no file: ", vcell::list_of(named),
      "; relative paths begin at the working directory, as State has it"));
}
