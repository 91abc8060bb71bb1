#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>

#if __has_include(<unistd.h>)
#include <unistd.h>
#else
#include <process.h>
#endif

#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Removes a temporary file unless it was renamed in time.
struct TemporaryFile {
  std::filesystem::path path;
  bool keep = false;
  ~TemporaryFile() {
    std::error_code ignored;
    if (!keep) std::filesystem::remove(path, ignored);
  }
};

}  // namespace detail

/// Writes a file so that, whenever the program is stopped, the path holds either what was there
/// before or all of the new file: `write` fills a temporary file in the same folder, which is then
/// renamed. A symbolic link is followed, so that it keeps pointing to the file.
///
/// @param write  writes the whole file to the path it is given; when it throws, the old file stays
/// @throws IoError if there is no such folder; WriteError if the file cannot be renamed; whatever
///         `write` throws
template <class = void>
void write_atomically(const std::filesystem::path& path,
                      const std::function<void(const std::filesystem::path&)>& write) {
  std::error_code error;
  const auto target =
      std::filesystem::is_symlink(path) ? std::filesystem::weakly_canonical(path, error) : path;
  const auto folder = target.parent_path();
  if (!folder.empty() && !std::filesystem::is_directory(folder))
    throw IoError(message("write_atomically: cannot write ", quoted(path.string()),
                          ": there is no folder ", quoted(folder.string())));
  if (std::filesystem::is_directory(target))
    throw IoError(
        message("write_atomically: cannot write ", quoted(path.string()), ": it is a folder"));
#if __has_include(<unistd.h>)
  const auto process = ::getpid();
#else
  const auto process = ::_getpid();
#endif
  detail::TemporaryFile temporary{target};
  temporary.path += message(".", process, ".partial");
  write(temporary.path);
  std::filesystem::rename(temporary.path, target, error);
  if (error)
    throw WriteError(message("write_atomically: cannot rename ", quoted(temporary.path.string()),
                             " to ", quoted(target.string()), ": ", error.message()));
  temporary.keep = true;
}

/// Writes text to a file, all or nothing.
/// @throws IoError if there is no such folder, WriteError if the file cannot be written
template <class = void>
void write_text(const std::filesystem::path& path, std::string_view text) {
  write_atomically(path, [&](const std::filesystem::path& temporary) {
    std::ofstream out(temporary, std::ios::binary);
    out.write(text.data(), std::streamsize(text.size()));
    out.close();
    if (!out)
      throw WriteError(message("write_text: cannot write ", quoted(path.string()),
                               "; is the disk full, or the folder read-only?"));
  });
}

/// The whole content of a file.
/// @throws IoError if it cannot be read
template <class = void>
std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in || std::filesystem::is_directory(path))
    throw IoError(message("read_text: cannot open ", quoted(path.string()),
                          "; is it there, and may you read it?"));
  std::string text(size_t(in.tellg()), '\0');
  in.seekg(0);
  if (!in.read(text.data(), std::streamsize(text.size())))
    throw IoError(message("read_text: cannot read ", quoted(path.string())));
  return text;
}

VCELL_END_NAMESPACE
