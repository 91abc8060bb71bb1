// Who touched memory that nobody may touch: a test that dies of it prints its stack. Catch2 gives a
// signal on to whom it found, which is the handler that is set here before main.
#pragma once

#include <execinfo.h>
#include <signal.h>
#include <unistd.h>

#include <string_view>

namespace vcell_test {

extern "C" inline void print_stack_and_die(int signal) {
  constexpr std::string_view text = "memory was touched that may not be; the stack:\n";
  void* frames[64];
  if (::write(2, text.data(), text.size()) >= 0)
    ::backtrace_symbols_fd(frames, ::backtrace(frames, 64), 2);
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

/// @return  true, to be called where a variable is initialised
inline bool print_stack_of_wrong_touch() {
  void* frame;
  ::backtrace(&frame, 1);  // loads what it needs, which a handler may not
  struct sigaction action {};
  action.sa_handler = print_stack_and_die;
  action.sa_flags = SA_NODEFER;
  ::sigaction(SIGSEGV, &action, nullptr);
  ::sigaction(SIGBUS, &action, nullptr);
  return true;
}

inline const bool prints_stack_of_wrong_touch = print_stack_of_wrong_touch();

}  // namespace vcell_test
