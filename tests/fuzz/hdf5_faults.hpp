// What HDF5 itself does wrong with a damaged file is not what these programs look for:
// io/sandbox.hpp is there for that. A crash within the library ends the search, and says so; its
// leaks, and its asking for all memory there is, are left alone.
#pragma once

#include <dlfcn.h>
#include <execinfo.h>
#include <hdf5.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <vector>

extern "C" const char* __asan_default_suppressions();
extern "C" const char* __asan_default_suppressions() { return "interceptor_via_lib:libhdf5\n"; }
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
extern "C" const char* __lsan_default_options();
extern "C" const char* __lsan_default_options() { return "print_suppressions=0"; }
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libhdf5\n"; }

namespace vcell_test {
namespace detail {

inline bool is_of(const void* code, const char* library) {
  Dl_info info = {};
  return ::dladdr(code, &info) != 0 && info.dli_fname && std::strstr(info.dli_fname, library);
}

/// Whether HDF5, or what it called of the C library, is at fault.
inline bool is_fault_of_hdf5() {
  std::array<void*, 64> frames;
  const int n = ::backtrace(frames.data(), int(frames.size()));
  // The first are those of the handler, up to the one that the kernel calls it from.
  int i = 0;
  while (i < n && !is_of(frames[size_t(i)], "libc.so")) ++i;
  while (i < n && is_of(frames[size_t(i)], "libc.so")) ++i;
  return i < n && is_of(frames[size_t(i)], "libhdf5");
}

inline std::array<struct sigaction, 65>& handlers_before() {
  static std::array<struct sigaction, 65> all = {};
  return all;
}

inline void on_fault(int number, siginfo_t* info, void* context) {
  if (is_fault_of_hdf5()) {
    constexpr char said[] = "The search ended early: HDF5 itself crashed.\n";
    [[maybe_unused]] const ssize_t n = ::write(2, said, sizeof said - 1);
    ::_exit(0);
  }
  const struct sigaction& before = handlers_before()[size_t(number)];
  if ((before.sa_flags & SA_SIGINFO) && before.sa_sigaction)
    return before.sa_sigaction(number, info, context);
  ::signal(number, SIG_DFL);
  ::raise(number);
}

}  // namespace detail

/// To be called before libFuzzer sets its own handlers, which it does where there are none. Adds
/// options for files of HDF5, which are larger than other files.
inline void leave_faults_of_hdf5(int* count, char*** words) {
  H5dont_atexit();  // it complains of what it held of a damaged file when it gave up
  std::array<void*, 2> frames;
  ::backtrace(frames.data(), 2);  // which takes memory the first time
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE}) {
    struct sigaction ours = {};
    ours.sa_sigaction = detail::on_fault;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigaction(number, &ours, &detail::handlers_before()[size_t(number)]);
  }
  static std::vector<char*> all(*words, *words + *count);
  static char most[] = "-max_len=65536", memory[] = "-malloc_limit_mb=0";
  all.insert(all.end(), {most, memory});
  *count = int(all.size());
  all.push_back(nullptr);
  *words = all.data();
}

}  // namespace vcell_test
