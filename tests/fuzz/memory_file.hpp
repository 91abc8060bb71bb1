// What programs of libFuzzer share: files in memory, and the files that a search begins with.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "vcell/io/atomic_file.hpp"

namespace vcell_test {

/// A file of these bytes that lives in memory where the system has a place for that, under a name:
/// HDF5 opens none that has none (memfd_create). Not an image for HDF5's core driver: vcell reads
/// headers and chunks through the descriptor that HDF5 has opened, and that driver has none. Bytes
/// of an image would need ways of their own through open_file and RawFile, which no user takes, and
/// the search would be one of these.
class MemoryFile {
 public:
  MemoryFile(const uint8_t* data, size_t size) {
    static const std::filesystem::path folder = std::filesystem::is_directory("/dev/shm")
                                                    ? "/dev/shm"
                                                    : std::filesystem::temp_directory_path();
    path_ = (folder / vcell::message("vcell-fuzz-", ::getpid())).string();
    const int file = ::open(path_.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    if (file < 0 || ::write(file, data, size) != ssize_t(size)) std::abort();
    ::close(file);
  }
  MemoryFile(const MemoryFile&) = delete;
  ~MemoryFile() { ::unlink(path_.c_str()); }

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Puts the files that the search begins with into the folders that were named.
/// @param seeds  makes their bytes, given a path that may be written
template <class Seeds>
void put_seeds(int count, char** words, Seeds&& seeds) {
  namespace fs = std::filesystem;
  for (int i = 1; i < count; ++i) {
    const fs::path folder = words[i];
    if (!fs::is_directory(folder)) continue;
    const auto files = seeds(folder / "seed");
    fs::remove(folder / "seed");
    for (size_t s = 0; s < files.size(); ++s)
      vcell::write_text(folder / vcell::message("seed_", s), files[s]);
  }
}

}  // namespace vcell_test
