#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string_view>

#include "console.hpp"
#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"

/// --quiet and --threads, which every command that computes has.
inline void add_common(CLI::App& command, Console& console, int& threads) {
  command.add_flag("--quiet", console.quiet, "Say nothing but results and errors");
  command
      .add_option("--threads", threads,
                  "Threads; never changes a result [default: what the machine grants]")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
}

/// @throws vcell::ConfigError if something is there and may not be replaced
inline void refuse_to_overwrite(std::string_view command, const std::filesystem::path& path,
                                bool overwrite) {
  if (!overwrite && std::filesystem::exists(path))
    throw vcell::ConfigError(vcell::message(command, ": ", vcell::quoted(path.string()),
                                            " is there already; name another --out, or say "
                                            "--overwrite to replace it"));
}

inline void make_parent_folder(const std::filesystem::path& file) {
  std::error_code error;
  if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path(), error);
  if (error)
    throw vcell::IoError(vcell::message("cannot make the folder ",
                                        vcell::quoted(file.parent_path().string()), ": ",
                                        error.message()));
}
