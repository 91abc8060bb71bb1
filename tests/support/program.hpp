// Running the vcell program as a user would, and looking at what it said.
#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "vcell/core/message.hpp"
#include "vcell/io/atomic_file.hpp"

namespace vcell_test {

/// A folder of its own for one test case, removed at the end.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::string& name)
      : path_(std::filesystem::temp_directory_path() /
              vcell::message("vcell_test_", name, '_', getpid())) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

struct Ran {
  int code = -1;
  std::string out, err;
};

/// @param words   what follows `vcell` on the command line, as a shell reads it
/// @param before  what stands before it, e.g. "timeout -s INT 2"
inline Ran run_vcell(const TemporaryFolder& folder, const std::string& words,
                     const std::string& before = "") {
  const std::string out = folder / "stdout", err = folder / "stderr";
  const std::string command = vcell::message(before, ' ', VCELL_TEST_PROGRAM, ' ', words, " >'",
                                             out, "' 2>'", err, "' </dev/null");
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, vcell::read_text(out),
          vcell::read_text(err)};
}

}  // namespace vcell_test
