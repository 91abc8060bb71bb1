#pragma once

#include <filesystem>
#include <string>
#include <string_view>
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

// Whether a path, or a folder that it is in, fits a pattern.
template <class = void>
bool is_within(std::string_view path, std::string_view pattern) {
  // Braces first: what is chosen may hold "..", which is another folder, not a name.
  for (const std::string& one : expand_braces(pattern)) {
    const std::string plain = plain_path(one);
    for (size_t end = path.size(); end != path.npos && end > 0; end = path.rfind('/', end - 1))
      if (matches_pattern(path.substr(0, end), plain)) return true;
  }
  return false;
}

}  // namespace detail

/// The stem of a file or folder, whose path may end in a slash.
template <class = void>
std::string stem_of(const std::filesystem::path& file) {
  return std::filesystem::path(detail::plain_path(file)).stem().string();
}

/// The name of a file's data set in a split: the one whose path is this file, else the one whose
/// folder holds the file or whose pattern (`*`, `?`, `[a-z]`, `{a,b}`) fits the file or a folder
/// that holds it, else the file's stem.
/// Relative paths start at the working directory.
/// @throws ConfigError if several data sets would have the file
template <class = void>
std::string dataset_name(const SplitSpec& spec, const std::filesystem::path& file) {
  const std::string path = detail::plain_path(file);
  std::vector<std::string> same, around;
  for (const auto& [name, text] : spec.datasets) {
    if (text.empty()) continue;
    const std::string declared = detail::plain_path(text);
    if (declared == path)
      same.push_back(name);
    else if (path.starts_with(declared + '/') || detail::is_within(path, text))
      around.push_back(name);
  }
  const auto& found = same.empty() ? around : same;
  if (found.size() > 1)
    throw ConfigError(message("dataset_name: the data sets ", list_of(found), " of the split all ",
                              "have the file ", quoted(file.string()),
                              "; leave one of them in [datasets]"));
  return found.empty() ? stem_of(file) : found[0];
}

VCELL_END_NAMESPACE
