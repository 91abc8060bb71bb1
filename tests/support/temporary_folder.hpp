// A folder for the files of one test case, removed with what is in it.
#pragma once

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <string>

namespace vcell_test {

class TemporaryFolder {
 public:
  /// @param name  part of the folder's own, for whoever finds one that was left
  explicit TemporaryFolder(const std::string& name = "test") {
    static std::atomic<int> n = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("vcell-" + name + "-" + std::to_string(::getpid()) + "-" + std::to_string(n++));
    std::filesystem::create_directories(path_);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace vcell_test
