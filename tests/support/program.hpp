// Running the vcell program as a user would, and looking at what it said.
#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <string>

#include "support/temporary_folder.hpp"
#include "vcell/core/message.hpp"
#include "vcell/io/atomic_file.hpp"

namespace vcell_test {

struct Ran {
  int code = -1;
  std::string out, err;
};

/// @param command  as a shell reads it
inline Ran run_shell(const TemporaryFolder& folder, const std::string& command) {
  const std::string out = folder / "stdout", err = folder / "stderr";
  const int status = std::system(
      vcell::message("{ ", command, "\n} >'", out, "' 2>'", err, "' </dev/null").c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, vcell::read_text(out),
          vcell::read_text(err)};
}

/// @param words  what follows `vcell` on the command line, as a shell reads it
inline Ran run_vcell(const TemporaryFolder& folder, const std::string& words) {
  return run_shell(folder, vcell::message("'", VCELL_TEST_PROGRAM, "' ", words));
}

/// The same in the folder, where relative paths begin.
inline Ran run_vcell_in(const TemporaryFolder& folder, const std::string& words) {
  return run_shell(folder, vcell::message("cd '", folder.path().string(), "' && '",
                                          VCELL_TEST_PROGRAM, "' ", words));
}

/// Runs vcell and asks it to end once a file has so many lines. Not by SIGINT: a shell has its jobs
/// in the background ignore that.
inline Ran interrupt_vcell(const TemporaryFolder& folder, const std::string& words,
                           const std::string& file, size_t lines) {
  return run_shell(folder, vcell::message("'", VCELL_TEST_PROGRAM, "' ", words, " & pid=$!\n",
                                          "while kill -0 $pid && [ \"$(cat '", file,
                                          "' | wc -l)\" -lt ", lines, " ]; do sleep 0.01; done 2>'",
                                          folder / "waiting", "'\n", "kill -TERM $pid; wait $pid"));
}

}  // namespace vcell_test
