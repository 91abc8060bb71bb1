#pragma once

#include <string>
#include <vector>

#include "vcell/pipeline/data_set_files.hpp"

/// The one file that the data sets of a split are made of.
/// @param what  what named the split: a setting or a flag
/// @throws vcell::ConfigError if they are none or several
inline std::string data_set_file(const vcell::SplitSpec& split, const std::string& what,
                                 const std::string& toml) {
  const auto files = vcell::data_set_files(split);
  if (files.size() == 1) return files[0];
  std::vector<std::string> named;
  for (const auto& [name, text] : split.datasets) named.push_back(text);
  if (files.empty())
    throw vcell::ConfigError(vcell::message(
        what, ": the data sets of ", vcell::quoted(toml), " have no file: ", vcell::list_of(named),
        "; relative paths begin at the working directory, as State has it"));
  throw vcell::ConfigError(vcell::message(what, ": the data sets of ", vcell::quoted(toml), " are ",
                                          files.size(),
                                          " files, and one is read so far: ", vcell::list_of(files),
                                          "; join them, as with anndata's concat, or name one"));
}
