#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>
#include <string>

#include "vcell/core/cgroup.hpp"
#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"

VCELL_BEGIN_NAMESPACE

/// What work in a sandbox may take.
struct SandboxLimits {
  double memory = 2.0 * (1 << 30);  ///< bytes beyond what the process has already
  unsigned seconds = 60;            ///< of processor time; ten times as many may pass on the clock
};

namespace detail {

template <class = void>
void limit(int resource, double most) {
  rlimit now = {};
  if (::getrlimit(resource, &now) != 0) return;
  if (now.rlim_max == RLIM_INFINITY || double(now.rlim_max) > most) now.rlim_max = rlim_t(most);
  now.rlim_cur = now.rlim_max;
  ::setrlimit(resource, &now);
}

/// The child's whole life: does the work and says what came of it, the first letter telling which.
template <class = void>
std::string in_child(const std::function<std::string()>& work, const SandboxLimits& limits) {
  for (const int interruption : {SIGINT, SIGTERM, SIGHUP}) ::signal(interruption, SIG_DFL);
  const double pages = std::strtod(kernel_file("/proc/self/statm").c_str(), nullptr);
  limit(RLIMIT_AS, pages * double(::sysconf(_SC_PAGESIZE)) + limits.memory);
  limit(RLIMIT_CPU, limits.seconds);
  limit(RLIMIT_CORE, 0);
  ::alarm(10 * limits.seconds);
  try {
    return 'r' + work();
  } catch (const FormatError& e) {
    return std::string("f") + e.what();
  } catch (const IoError& e) {
    return std::string("i") + e.what();
  } catch (const std::bad_alloc&) {
    return "m";
  } catch (const std::exception& e) {
    return std::string("e") + e.what();
  }
}

/// Why a child ended that said nothing, or not all.
template <class = void>
std::string why_it_ended(int status, const SandboxLimits& limits) {
  if (!WIFSIGNALED(status)) return message("ended with status ", WEXITSTATUS(status));
  const int signal = WTERMSIG(status);
  if (signal == SIGXCPU || signal == SIGALRM || signal == SIGKILL)
    return message("was ended by signal ", signal, ": it took more than ", limits.seconds,
                   " s of processor time, ten times that on the clock, or too much memory");
  return message("crashed with signal ", signal, " (", ::strsignal(signal), ")");
}

}  // namespace detail

/// Does work that reads a file from a stranger in a process of its own with little memory and time.
/// What a library that reads the file can be made to do ends that process, not this one. It keeps
/// the rights of this process: it is no defence against a file that takes the library over.
/// @param what  for messages, e.g. "inspect: file 'a.h5ad'"
/// @param work  runs in the child; what it changes in memory is lost
/// @return what the work returned
/// @throws FormatError, IoError or Error as the work does; FormatError if it did not come to its
/// end
template <class = void>
std::string in_sandbox(const std::string& what, const std::function<std::string()>& work,
                       const SandboxLimits& limits = {}) {
  std::array<int, 2> ends = {-1, -1};
  if (::pipe(ends.data()) != 0)
    throw Error(message(what, ": no pipe to a child: ", std::strerror(errno)));
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) {
    const std::string reason = std::strerror(errno);
    for (const int end : ends) ::close(end);
    throw Error(message(what, ": no child to read it in: ", reason));
  }
  if (child == 0) {
    ::close(ends[0]);
    const std::string said = detail::in_child(work, limits);
    for (size_t done = 0; done < said.size();) {
      const ssize_t n = ::write(ends[1], said.data() + done, said.size() - done);
      if (n < 0 && errno != EINTR) ::_exit(1);
      if (n > 0) done += size_t(n);
    }
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string said;
  std::array<char, 1 << 16> part;
  for (ssize_t n = 1; n != 0;) {
    n = ::read(ends[0], part.data(), part.size());
    if (n > 0) said.append(part.data(), size_t(n));
    if (n < 0 && errno != EINTR) break;
  }
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  const bool whole = WIFEXITED(status) && WEXITSTATUS(status) == 0 && !said.empty();
  if (!whole)
    throw FormatError(message(what, ": the process that read it ",
                              detail::why_it_ended(status, limits),
                              "; the file is damaged or made to do harm"));
  const std::string text = said.substr(1);
  if (said[0] == 'r') return text;
  if (said[0] == 'f') throw FormatError(text);
  if (said[0] == 'i') throw IoError(text);
  if (said[0] == 'm')
    throw FormatError(message(what, ": reading it takes more than the ", uint64_t(limits.memory),
                              " bytes of memory that it is granted in a sandbox"));
  throw Error(text);
}

VCELL_END_NAMESPACE
