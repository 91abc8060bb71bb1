#pragma once

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>

#if __has_include(<unistd.h>)
#include <fcntl.h>
#include <unistd.h>
#if __has_include(<sys/random.h>)
#include <sys/random.h>
#endif
#else
#include <chrono>
#include <cstdio>
#endif

#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"

VCELL_BEGIN_NAMESPACE

/// A file beside its target, `NAME.0123456789abcdef.partial`, which nobody else has: its name is
/// drawn, it was not there before, and as long as its writer lives it is locked, where the system
/// has locks that belong to an open file (Linux). Removed unless it was renamed.
class TemporaryFile {
 public:
  /// @throws WriteError if no file can be made in the target's folder
  template <class = void>
  explicit TemporaryFile(const std::filesystem::path& target) {
    for (int attempt = 0; attempt < 100; ++attempt) {
      path_ = target;
      path_ += message('.', digits_of(draw() + uint64_t(attempt)), ending);
      if (make()) return;
      if (errno != EEXIST) break;
    }
    const auto why = std::generic_category().message(errno);
    throw WriteError(message("write_atomically: cannot make ", quoted(path_.string()), ": ", why,
                             "; is the disk full, or the folder read-only?"));
  }
  ~TemporaryFile() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove(path_, ignored);
    close();
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::filesystem::path& path() const { return path_; }

  /// Brings the content to the disk and gives the file its name.
  /// @throws WriteError if that cannot be done; the target is then as it was
  template <class = void>
  void rename_to(const std::filesystem::path& target) {
    sync();
    std::error_code error;
    std::filesystem::rename(path_, target, error);
    if (error)
      throw WriteError(message("write_atomically: cannot rename ", quoted(path_.string()), " to ",
                               quoted(target.string()), ": ", error.message()));
    path_.clear();
  }

  /// Removes the temporary files of a target whose writers are gone. Where there are no locks to
  /// tell, none is.
  template <class = void>
  static void remove_leftovers(const std::filesystem::path& target) {
#if defined(F_OFD_SETLK)
    const auto folder = target.has_parent_path() ? target.parent_path() : ".";
    const std::string name = target.filename().string();
    std::error_code error;
    for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
      const std::string found = entry->path().filename().string();
      if (!is_name(found, name)) continue;
      const int file = ::open(entry->path().c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
      std::error_code ignored;
      if (file >= 0 && lock(file)) std::filesystem::remove(entry->path(), ignored);
      if (file >= 0) ::close(file);
    }
#else
    (void)target;
#endif
  }

 private:
  static constexpr std::string_view ending = ".partial";
  static constexpr size_t digits = 16;

  static std::string digits_of(uint64_t number) {
    std::string text(digits, '0');
    for (size_t i = 0; i < digits; ++i, number >>= 4) text[i] = "0123456789abcdef"[number & 15];
    return text;
  }
  /// Whether a file has the name of a temporary one of a target.
  template <class = void>
  static bool is_name(const std::string& found, const std::string& target) {
    if (found.size() != target.size() + 1 + digits + ending.size()) return false;
    if (!found.starts_with(target + '.') || !found.ends_with(ending)) return false;
    const auto drawn = std::string_view(found).substr(target.size() + 1, digits);
    return drawn.find_first_not_of("0123456789abcdef") == drawn.npos;
  }

#if __has_include(<unistd.h>)
  static uint64_t draw() {
    uint64_t number = 0;
    if (::getentropy(&number, sizeof number) != 0) number = uint64_t(::getpid());
    return number;
  }
  bool make() {
    file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file_ >= 0) lock(file_);
    return file_ >= 0;
  }
  /// Not flock, which HDF5 takes when it opens the file; and not a lock of the process, which it
  /// would lose when any of it closes the file.
  static bool lock(int file) {
#if defined(F_OFD_SETLK)
    struct flock whole = {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    return ::fcntl(file, F_OFD_SETLK, &whole) == 0;
#else
    return file < 0;
#endif
  }
  template <class = void>
  void sync() {
    // What cannot be brought to the disk at all, as on some file systems, is renamed all the same.
    if (::fsync(file_) != 0 && errno != EINVAL && errno != ENOSYS && errno != EROFS)
      throw WriteError(message("write_atomically: cannot bring ", quoted(path_.string()),
                               " to the disk: ", std::generic_category().message(errno)));
  }
  void close() {
    if (file_ >= 0) ::close(file_);
  }
  int file_ = -1;
#else
  static uint64_t draw() {
    return uint64_t(std::chrono::steady_clock::now().time_since_epoch().count());
  }
  bool make() {
    std::FILE* file = std::fopen(path_.string().c_str(), "wbx");
    if (file) std::fclose(file);
    return file;
  }
  void sync() {}
  void close() {}
#endif

  std::filesystem::path path_;
};

VCELL_END_NAMESPACE
