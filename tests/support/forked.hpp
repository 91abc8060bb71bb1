// A child of the test's process, which runs something and ends.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "support/catch.hpp"

// VCELL_TEST_NO_FORK: ThreadSanitizer starts no threads in a child of a process that had several.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define VCELL_TEST_NO_FORK
#endif
#elif defined(__SANITIZE_THREAD__)
#define VCELL_TEST_NO_FORK
#endif

namespace vcell_test {

/// A child has lost what the threads held that it lacks, and LeakSanitizer cannot tell.
inline bool is_child = false;

/// fork(), where a child that hangs is ended after a minute.
inline pid_t fork_child() {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    is_child = true;
    ::alarm(60);
  }
  return child;
}

/// How a child ended: its exit status, or minus the signal.
inline int status_of(pid_t child) {
  int status = 0;
  if (::waitpid(child, &status, 0) != child) return -1000;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/// Runs f in a child, which then ends the way a program does that returns from main.
/// @return the child's exit status: 0 if f said true, 1 if it said false or threw
template <class F>
int run_forked(F f) {
  const pid_t child = fork_child();
  if (child != 0) return status_of(child);
  bool good = false;
  try {
    good = f();
  } catch (...) {
  }
  std::exit(good ? 0 : 1);
}

}  // namespace vcell_test

// Asked by LeakSanitizer when a program that is compiled with it ends.
extern "C" [[gnu::weak]] int __lsan_is_turned_off();
extern "C" [[gnu::weak]] int __lsan_is_turned_off() { return vcell_test::is_child; }
