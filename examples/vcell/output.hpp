#pragma once

#include <filesystem>
#include <string_view>

#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"

/// @throws vcell::ConfigError if something is there and may not be replaced
inline void refuse_to_overwrite(std::string_view command, const std::filesystem::path& path,
                                bool overwrite, const char* flag = "--out") {
  if (!overwrite && std::filesystem::exists(path))
    throw vcell::ConfigError(vcell::message(command, ": ", vcell::quoted(path.string()),
                                            " is there already; name another ", flag,
                                            ", or say --overwrite to replace it"));
}

/// @throws vcell::WriteError if it cannot be made
inline void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  if (error)
    throw vcell::WriteError(vcell::message("cannot make the folder ",
                                           vcell::quoted(folder.string()), ": ", error.message(),
                                           "; choose another --out"));
}
