#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "vcell/core/abi.hpp"

extern "C" char** environ;

VCELL_BEGIN_NAMESPACE

struct GnuplotOptions {
  /// The program, looked up in PATH when it is a bare name.
  std::string program = "gnuplot";
};

/// A drawing, or why there is none.
struct Drawing {
  std::string svg;      ///< empty when there is none
  std::string trouble;  ///< empty when there is one
};

namespace detail {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

/// A nameless file in the folder for temporary files, at its start and holding `text`; null where
/// it cannot be made. A child that reads from it, unlike from a pipe, can end early without a
/// signal to us.
template <class = void>
File temporary_file(const std::string& text) {
  File file(std::tmpfile());
  if (!file) return file;
  const bool written = std::fwrite(text.data(), 1, text.size(), file.get()) == text.size();
  if (!written || std::fflush(file.get()) != 0) return nullptr;
  std::rewind(file.get());
  return file;
}

/// Everything that can still be read.
template <class = void>
std::string read_all(int descriptor) {
  std::string out;
  char buffer[1 << 16];
  for (;;) {
    const ssize_t n = ::read(descriptor, buffer, sizeof buffer);
    if (n > 0)
      out.append(buffer, size_t(n));
    else if (n == 0 || errno != EINTR)
      return out;
  }
}

/// Runs a program with its standard input, output and error at the given descriptors.
/// @return 0, or why it could not be started
template <class = void>
int spawn(const std::string& program, const char* const* arguments, const int (&files)[3],
          pid_t& child) {
  posix_spawn_file_actions_t actions;
  if (const int error = posix_spawn_file_actions_init(&actions)) return error;
  int error = 0;
  for (int i = 0; i < 3 && !error; ++i)
    error = posix_spawn_file_actions_adddup2(&actions, files[i], i);
  if (!error)
    error = posix_spawnp(&child, program.c_str(), &actions, nullptr,
                         const_cast<char* const*>(arguments), environ);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

}  // namespace detail

/// Runs a gnuplot script and takes what it draws. No shell is involved, the user's settings are not
/// read, and gnuplot reads the script as its standard input: so names of genes and perturbations
/// must not be in it (see inline_svg), only numbers and our own text.
template <class = void>
Drawing gnuplot(const std::string& script, const GnuplotOptions& options = {}) {
  const auto failed = [&](const std::string& why) {
    return Drawing{"", fmt::format("{}: {}", options.program, why)};
  };
  const detail::File input = detail::temporary_file(script), errors = detail::temporary_file("");
  int ends[2];
  if (!input || !errors || ::pipe(ends) != 0) return failed(std::strerror(errno));
  // The reading end must not stay open in this or any other child, nor the writing end.
  for (int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);

  const char* const arguments[] = {options.program.c_str(), "-d", "-", nullptr};
  pid_t child = 0;
  const int error = detail::spawn(options.program, arguments,
                                  {::fileno(input.get()), ends[1], ::fileno(errors.get())}, child);
  ::close(ends[1]);
  std::string svg = error ? "" : detail::read_all(ends[0]);
  ::close(ends[0]);
  if (error) return failed(error == ENOENT ? "not found" : std::strerror(error));

  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) return failed("not found");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || svg.find("</svg>") == std::string::npos) {
    std::rewind(errors.get());
    const std::string said = detail::read_all(::fileno(errors.get()));
    return failed(said.empty() ? "ended without a drawing" : said);
  }
  return {std::move(svg), ""};
}

VCELL_END_NAMESPACE
