#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "vcell/sets/path_pattern.hpp"
#include "vcell/sets/split_spec.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The files below a folder, some levels down, that fit a pattern.
template <class = void>
void add_matching(const std::filesystem::path& folder, std::string_view pattern, size_t levels,
                  std::vector<std::string>& files) {
  std::error_code error;  // a folder that cannot be read has no files
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string path = entry.path().lexically_normal().string();
    if (levels > 0 && entry.is_directory(error)) add_matching(path, pattern, levels - 1, files);
    if (entry.is_regular_file(error) && matches_pattern(path, pattern)) files.push_back(path);
  }
}

}  // namespace detail

/// The files that the data sets of a split are made of, in the order of their paths: the file that
/// one names, the h5ad and h5 files of a folder, or what fits a pattern (`*`, `?`, `[a-z]`,
/// `{a,b}`). What is not there is left out.
template <class = void>
std::vector<std::string> data_set_files(const SplitSpec& split) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  for (const auto& [name, text] : split.datasets)
    for (const std::string& one : expand_braces(text)) {
      std::error_code error;
      const fs::path path = fs::path(one).lexically_normal();
      if (one.empty()) continue;
      if (fs::is_regular_file(path, error)) {
        files.push_back(path.string());
      } else if (fs::is_directory(path, error)) {
        for (const auto& entry : fs::directory_iterator(path, error))
          if (entry.path().extension() == ".h5ad" || entry.path().extension() == ".h5")
            files.push_back(entry.path().lexically_normal().string());
      } else {
        // From the last folder without a sign of a pattern.
        fs::path folder;
        auto part = path.begin();
        while (part != path.end() && part->string().find_first_of("*?[") == std::string::npos)
          folder /= *part++;
        if (part != path.end())
          detail::add_matching(folder.empty() ? "." : folder, path.string(),
                               size_t(std::distance(part, path.end())) - 1, files);
      }
    }
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  return files;
}

VCELL_END_NAMESPACE
