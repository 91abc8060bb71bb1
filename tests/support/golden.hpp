// Where the expected numbers are: VCELL_GOLDEN, or tests/golden of the source tree.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>

namespace vcell_test {

/// The folder of one kind of goldens ("ops", "preprocess", ...). Nothing when this folder is absent
/// beside others; an error when there is no golden folder at all.
inline std::optional<std::filesystem::path> golden_folder(const std::string& name) {
  const char* given = std::getenv("VCELL_GOLDEN");
  const std::filesystem::path root = given && *given ? given : VCELL_TEST_GOLDEN;
  if (std::filesystem::is_directory(root / name)) return root / name;
  if (std::filesystem::is_directory(root))
    for (const auto& entry : std::filesystem::directory_iterator(root))
      if (entry.is_directory()) return std::nullopt;
  throw std::runtime_error("no folder of goldens in " + root.string() +
                           ": set VCELL_GOLDEN to a folder that holds ops, preprocess, ...");
}

/// The folder that an environment variable names (VCELL_DATA, VCELL_FILES), if it is there.
inline std::optional<std::filesystem::path> folder_from(const char* variable) {
  const char* given = std::getenv(variable);
  if (given && *given && std::filesystem::is_directory(given)) return given;
  return std::nullopt;
}

}  // namespace vcell_test
