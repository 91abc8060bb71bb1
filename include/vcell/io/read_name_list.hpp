#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "vcell/io/atomic_file.hpp"

VCELL_BEGIN_NAMESPACE

/// The names in a file with one a line; spaces around them and empty lines are left out.
/// @throws IoError if it cannot be read; FormatError if there is no name in it
template <class = void>
std::vector<std::string> read_name_list(const std::filesystem::path& path) {
  const std::string text = read_text(path);
  constexpr const char* blank = " \t\r";
  std::vector<std::string> names;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    const size_t first = line.find_first_not_of(blank);
    if (first != line.npos)
      names.push_back(line.substr(first, line.find_last_not_of(blank) + 1 - first));
    begin = end + 1;
  }
  if (names.empty())
    throw FormatError(message("read_name_list: ", quoted(path.string()),
                              " holds no names, expected a name a line"));
  return names;
}

VCELL_END_NAMESPACE
