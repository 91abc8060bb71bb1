#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"

VCELL_BEGIN_NAMESPACE

/// Bytes on the disk that have no room in memory: a file without a name, which is gone when it is
/// closed, however the process ends.
class ScratchFile {
 public:
  /// @param folder  where it lies; empty: the system's folder for such files, which TMPDIR names
  /// @throws WriteError if none can be made there
  template <class = void>
  explicit ScratchFile(const std::filesystem::path& folder = {}) {
    std::error_code error;
    folder_ = folder.empty() ? std::filesystem::temp_directory_path(error) : folder;
    std::string name = (folder_ / "vcell-scratch-XXXXXX").string();
    file_ = error ? -1 : ::mkstemp(name.data());
    if (file_ < 0)
      throw WriteError(message("ScratchFile: cannot make a file in the folder ",
                               quoted(folder_.string()), ": ", reason(),
                               "; name another one with TMPDIR"));
    ::unlink(name.c_str());
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  ~ScratchFile() { ::close(file_); }

  const std::filesystem::path& folder() const { return folder_; }
  uint64_t size() const { return size_; }

  /// Writes n bytes at the end.
  /// @return where they begin
  /// @throws WriteError
  template <class = void>
  uint64_t append(const void* bytes, size_t n) {
    for (size_t done = 0; done < n;) {
      const ssize_t put =
          ::pwrite(file_, static_cast<const char*>(bytes) + done, n - done, off_t(size_ + done));
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0)
        throw WriteError(message("ScratchFile: cannot write ", size_ + n, " bytes in the folder ",
                                 quoted(folder_.string()), ": ", reason(),
                                 "; name one with more room with TMPDIR"));
      done += size_t(put);
    }
    size_ += n;
    return size_ - n;
  }

  /// Reads n bytes from there; several threads may do so.
  /// @throws IoError
  template <class = void>
  void read(uint64_t from, size_t n, void* to) const {
    for (size_t done = 0; done < n;) {
      const ssize_t got =
          ::pread(file_, static_cast<char*>(to) + done, n - done, off_t(from + done));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0)
        throw IoError(message("ScratchFile: cannot read a temporary file in the folder ",
                              quoted(folder_.string()), ": ",
                              got < 0 ? reason() : std::string("it ends too early")));
      done += size_t(got);
    }
  }

 private:
  static std::string reason() { return std::generic_category().message(errno); }

  std::filesystem::path folder_;
  int file_ = -1;
  uint64_t size_ = 0;
};

VCELL_END_NAMESPACE
