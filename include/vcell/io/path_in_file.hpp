#pragma once

#include <filesystem>
#include <string>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE

/// A path that a file names: a relative one begins at the file's folder. Nothing stays nothing.
template <class = void>
std::string path_in_file(const std::filesystem::path& file, const std::string& named) {
  if (named.empty() || std::filesystem::path(named).is_absolute()) return named;
  return (std::filesystem::absolute(file).parent_path() / named).lexically_normal().string();
}

VCELL_END_NAMESPACE
