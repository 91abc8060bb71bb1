#pragma once

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "vcell/sets/path_pattern.hpp"
#include "vcell/sets/split_spec.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

// Absolute, without "." and ".."; a path that does not exist is taken as it is written.
template <class = void>
std::string plain_path(const std::filesystem::path& path) {
  std::error_code ignored;
  const auto absolute = std::filesystem::absolute(path, ignored);
  std::string text = (ignored ? path : absolute).lexically_normal().generic_string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

}  // namespace detail

/// The name of a file's data set in a split: the one whose path is this file, else the one whose
/// folder holds the file or whose pattern fits it (`*`, `?`, `{a,b}`), else the file's stem.
/// Relative paths start at the working directory.
/// @throws ConfigError if several data sets would have the file
template <class = void>
std::string dataset_name(const SplitSpec& spec, const std::filesystem::path& file) {
  const std::string path = detail::plain_path(file);
  std::vector<std::string> same, around;
  for (const auto& [name, text] : spec.datasets) {
    const std::string declared = detail::plain_path(text);
    if (declared == path)
      same.push_back(name);
    else if (path.starts_with(declared + '/') || matches_pattern(path, declared))
      around.push_back(name);
  }
  const auto& found = same.empty() ? around : same;
  if (found.size() > 1)
    throw ConfigError(message("dataset_name: the data sets ", list_of(found), " of the split all ",
                              "have the file ", quoted(file.string()),
                              "; leave one of them in [datasets]"));
  return found.empty() ? file.stem().string() : found[0];
}

VCELL_END_NAMESPACE
