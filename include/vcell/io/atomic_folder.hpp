#pragma once

#include <filesystem>
#include <system_error>
#include <utility>

#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

template <class = void>
void rename_folder(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code error;
  std::filesystem::rename(from, to, error);
  if (error)
    throw WriteError(message("write_folder: cannot rename ", quoted(from.string()), " to ",
                             quoted(to.string()), ": ", error.message()));
}

struct FolderNames {
  std::filesystem::path fresh, old;
  explicit FolderNames(const std::filesystem::path& target)
      : fresh(target.has_filename() ? target : target.parent_path()), old(fresh) {
    fresh += ".vcell-new";  // names that nobody gives to a copy of his own
    old += ".vcell-old";
  }
};

}  // namespace detail

/// Where the folder that write_folder made can be read, in its old or its new form, whole: beside
/// its place if a writer was killed, or is, between its two renames. Nothing is changed, so that
/// readers do not disturb a writer.
/// @return empty if there is none
template <class = void>
std::filesystem::path whole_folder(const std::filesystem::path& target) {
  const detail::FolderNames names(target);
  if (std::filesystem::is_directory(target)) return target;
  if (!std::filesystem::is_directory(names.old)) return {};
  return std::filesystem::is_directory(names.fresh) ? names.fresh : names.old;
}

/// Settles what a write_folder that was killed left behind: afterwards the folder is there in its
/// old or its new form, whole, if it ever was; parts of another are gone. For writers: see
/// whole_folder.
/// @return whether the folder is there
/// @throws WriteError if a folder cannot be renamed
template <class = void>
bool settle_folder(const std::filesystem::path& target) {
  namespace fs = std::filesystem;
  const detail::FolderNames names(target);
  if (!fs::exists(target) && fs::exists(names.old)) {
    // Killed between its two renames: the new one was whole by then.
    detail::rename_folder(fs::exists(names.fresh) ? names.fresh : names.old, target);
  }
  std::error_code ignored;  // leftovers do no harm where they cannot be removed
  if (fs::exists(names.fresh)) fs::remove_all(names.fresh, ignored);
  if (fs::exists(names.old)) fs::remove_all(names.old, ignored);
  return fs::is_directory(target);
}

/// Writes a folder so that it is whole or not there: `write` fills one of another name beside it,
/// which then takes its place. An old folder stays until then; killed at any moment, the old or the
/// new one is there once settle_folder has been called.
///
/// @param write  called as write(const std::filesystem::path& folder)
/// @throws WriteError if a folder cannot be made or renamed; what write throws
template <class F>
void write_folder(const std::filesystem::path& target, F&& write) {
  namespace fs = std::filesystem;
  const detail::FolderNames names(target);
  const bool replaces = settle_folder(target);
  std::error_code error;
  try {
    fs::create_directories(names.fresh, error);
    if (error)
      throw WriteError(message("write_folder: cannot make ", quoted(names.fresh.string()), ": ",
                               error.message()));
    write(std::as_const(names.fresh));
    if (replaces) detail::rename_folder(target, names.old);
    detail::rename_folder(names.fresh, target);
  } catch (...) {
    settle_folder(target);
    throw;
  }
  fs::remove_all(names.old, error);
}

VCELL_END_NAMESPACE
