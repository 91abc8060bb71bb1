// Catch2 2.13 and 3 behind one include, and the way a test says that it was skipped.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include <cstdio>
#include <string>

using Catch::Approx;

namespace vcell_test {
/// Whether a test case was skipped; main.cpp makes it the exit status that ctest knows.
inline bool skipped = false;
}  // namespace vcell_test

/// Ends the test case and says why; ctest reports it as skipped.
#define VCELL_SKIP(reason)                                     \
  do {                                                         \
    std::printf("skipped: %s\n", std::string(reason).c_str()); \
    std::fflush(stdout);                                       \
    vcell_test::skipped = true;                                \
    SUCCEED("skipped");                                        \
    return;                                                    \
  } while (false)
