#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>

#include "vcell/core/error.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/core/message.hpp"
#include "vcell/io/temporary_file.hpp"

VCELL_BEGIN_NAMESPACE

/// Writes a file so that, whenever the program or the machine is stopped, the path holds either
/// what was there before or all of the new file: `write` fills a temporary file in the same folder,
/// which is then brought to the disk and renamed. A symbolic link is followed, so that it keeps
/// pointing to the file. Several writers of one file do not disturb each other: the last one to end
/// stays. What a writer that was killed left behind is removed by the next one.
///
/// @param write  writes the whole file to the path it is given; when it throws, the old file stays
/// @throws WriteError if there is no such folder, or a file cannot be made there, brought to the
///         disk or renamed; whatever `write` throws
template <class = void>
void write_atomically(const std::filesystem::path& path,
                      const std::function<void(const std::filesystem::path&)>& write) {
  std::error_code error;
  const auto target =
      std::filesystem::is_symlink(path) ? std::filesystem::weakly_canonical(path, error) : path;
  const auto folder = target.parent_path();
  if (!folder.empty() && !std::filesystem::is_directory(folder))
    throw WriteError(message("write_atomically: cannot write ", quoted(path.string()),
                             ": there is no folder ", quoted(folder.string())));
  if (std::filesystem::is_directory(target))
    throw WriteError(
        message("write_atomically: cannot write ", quoted(path.string()), ": it is a folder"));
  TemporaryFile::remove_leftovers(target);
  TemporaryFile temporary(target);
  write(temporary.path());
  temporary.rename_to(target);
}

/// Writes a file piece by piece, all or nothing.
/// @param write  given a function that appends text
/// @throws WriteError if the file cannot be written
template <class = void>
void write_text_in_pieces(
    const std::filesystem::path& path,
    const std::function<void(const std::function<void(std::string_view)>&)>& write) {
  write_atomically(path, [&](const std::filesystem::path& temporary) {
    std::ofstream out(temporary, std::ios::binary);
    write([&](std::string_view text) { out.write(text.data(), std::streamsize(text.size())); });
    out.close();
    if (!out)
      throw WriteError(message("write_text: cannot write ", quoted(path.string()),
                               "; is the disk full, or the folder read-only?"));
  });
}

/// Writes text to a file, all or nothing.
/// @throws WriteError if the file cannot be written
template <class = void>
void write_text(const std::filesystem::path& path, std::string_view text) {
  write_text_in_pieces(path, [&](const auto& append) { append(text); });
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

VCELL_INSTANTIATE(
    files, void write_atomically<void>(const std::filesystem::path&,
                                       const std::function<void(const std::filesystem::path&)>&));
VCELL_INSTANTIATE(files, void write_text<void>(const std::filesystem::path&, std::string_view));
VCELL_INSTANTIATE(files, std::string read_text<void>(const std::filesystem::path&));

VCELL_END_NAMESPACE
