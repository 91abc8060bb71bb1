#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "vcell/core/check.hpp"

extern "C" char** environ;

VCELL_BEGIN_NAMESPACE

struct GnuplotOptions {
  /// The program, looked up in PATH when it is a bare name.
  std::string program = "gnuplot";
  /// Seconds after which a gnuplot that is not done is killed; infinity: never.
  double time_limit = 60;
  /// Where figures are kept beside the page, as `<id>`.svg; made for the first one. Empty: nowhere.
  std::filesystem::path folder = {};
};

/// A drawing, or why there is none.
struct Drawing {
  std::string svg;      ///< the bytes of it, an SVG unless the script says otherwise; or empty
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

/// A moment from which on nobody waits.
class Deadline {
 public:
  explicit Deadline(double seconds) : at_(now() + seconds) {}
  /// What is left, rounded up; at most an hour, then ask again.
  int milliseconds() const { return int(std::clamp((at_ - now()) * 1000 + 1, 0.0, 3600e3)); }

 private:
  static double now() {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return double(t.tv_sec) + double(t.tv_nsec) * 1e-9;
  }
  double at_;
};

/// Appends everything that can still be read.
/// @return false if the deadline came first
template <class = void>
bool read_all(int descriptor, const Deadline& deadline, std::string& out) {
  char buffer[1 << 16];
  for (;;) {
    pollfd waiting{descriptor, POLLIN, 0};
    const int left = deadline.milliseconds(), ready = ::poll(&waiting, 1, left);
    if (ready == 0 && left == 0) return false;
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    const ssize_t n = ::read(descriptor, buffer, sizeof buffer);
    if (n > 0)
      out.append(buffer, size_t(n));
    else if (n == 0 || errno != EINTR)
      return true;
  }
}

/// Waits until a child has ended.
/// @return false if the deadline came first
template <class = void>
bool wait_for(pid_t child, const Deadline& deadline, int& status) {
  for (;;) {
    const pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child || (ended < 0 && errno != EINTR)) return true;
    const int left = deadline.milliseconds();
    if (left == 0) return false;
    ::poll(nullptr, 0, 1);
  }
}

/// Runs a program with its standard input, output and error at the given descriptors. It blocks no
/// signal, whatever the calling thread blocks, so that the Ctrl-C of a terminal ends it too; and it
/// ends when it writes where nobody reads.
/// @return 0, or why it could not be started
template <class = void>
int spawn(const std::string& program, const char* const* arguments, const int (&files)[3],
          pid_t& child) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  if (const int error = posix_spawn_file_actions_init(&actions)) return error;
  if (const int error = posix_spawnattr_init(&attributes)) {
    posix_spawn_file_actions_destroy(&actions);
    return error;
  }
  int error = 0;
  for (int i = 0; i < 3 && !error; ++i)
    error = posix_spawn_file_actions_adddup2(&actions, files[i], i);
  sigset_t none, usual;
  sigemptyset(&none);
  sigemptyset(&usual);  // of the others, those that are ignored stay so, as by nohup
  for (const int signal : {SIGPIPE, SIGXFSZ}) sigaddset(&usual, signal);
  if (!error) error = posix_spawnattr_setsigmask(&attributes, &none);
  if (!error) error = posix_spawnattr_setsigdefault(&attributes, &usual);
  if (!error)
    error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  if (!error)
    error = posix_spawnp(&child, program.c_str(), &actions, &attributes,
                         const_cast<char* const*>(arguments), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

}  // namespace detail

/// Runs a gnuplot script and takes what it draws. No shell is involved, the user's settings are not
/// read, and gnuplot reads the script as its standard input: so names of genes and perturbations
/// must not be in it (see inline_svg), only numbers and our own text.
/// @param sign  what a whole drawing has, such as "IEND" where the script makes a PNG
/// @throws ConfigError if time_limit is not above 0; nothing else, see Drawing
template <class = void>
Drawing gnuplot(const std::string& script, const GnuplotOptions& options = {},
                std::string_view sign = "</svg>") {
  check_positive("gnuplot", "time_limit", options.time_limit);
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
  if (error) {
    ::close(ends[0]);
    return failed(error == ENOENT ? "not found" : std::strerror(error));
  }
  const detail::Deadline deadline(options.time_limit);
  std::string svg;
  int status = 0;
  const bool in_time =
      detail::read_all(ends[0], deadline, svg) && detail::wait_for(child, deadline, status);
  ::close(ends[0]);
  if (!in_time) {
    ::kill(child, SIGKILL);
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    return failed(fmt::format("was not done within {:g} s and was ended", options.time_limit));
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) return failed("not found");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || svg.find(sign) == std::string::npos) {
    std::rewind(errors.get());
    std::string said;
    detail::read_all(::fileno(errors.get()), deadline, said);
    if (WIFSIGNALED(status))
      return failed(
          fmt::format("ended by signal {}{}{}", WTERMSIG(status), said.empty() ? "" : ": ", said));
    return failed(said.empty() ? "ended without a drawing" : said);
  }
  return {std::move(svg), ""};
}

VCELL_END_NAMESPACE
