#pragma once

#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"

namespace vcell::inline VCELL_ABI {

/// Writes a file so that it is whole or not there: `write` gets a temporary name beside the target,
/// which is renamed at the end and removed when anything fails. An old file of that name stays
/// until then.
///
/// @param write  called as write(const std::filesystem::path& temporary)
/// @throws IoError if the folder does not exist or the file cannot be renamed; what write throws
template <class F>
void write_atomically(const std::filesystem::path& target, F&& write) {
  std::filesystem::path temporary = target;
  temporary += ".part";
  std::error_code error;
  try {
    write(std::as_const(temporary));
    std::filesystem::rename(temporary, target, error);
    if (error)
      throw IoError(message("write_atomically: cannot rename ", quoted(temporary.string()), " to ",
                            quoted(target.string()), ": ", error.message()));
  } catch (...) {
    std::filesystem::remove(temporary, error);
    throw;
  }
}

/// Writes bytes as they are, atomically.
/// @throws IoError if the file cannot be written
inline void write_text(const std::filesystem::path& target, std::string_view text) {
  write_atomically(target, [&](const std::filesystem::path& temporary) {
    std::ofstream file(temporary, std::ios::binary);
    file.write(text.data(), std::streamsize(text.size()));
    file.close();
    if (!file)
      throw IoError(message("write_text: cannot write ", quoted(target.string()),
                            "; is the folder there, and has the disk room?"));
  });
}

/// All bytes of a file.
/// @throws IoError if it cannot be read
inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const auto size = file ? std::streamoff(file.tellg()) : std::streamoff(-1);
  if (size < 0 || std::filesystem::is_directory(path))
    throw IoError(message("read_text: cannot open ", quoted(path.string())));
  std::string text(size_t(size), '\0');
  file.seekg(0);
  file.read(text.data(), size);
  if (!file) throw IoError(message("read_text: cannot read ", quoted(path.string())));
  return text;
}

}  // namespace vcell::inline VCELL_ABI
