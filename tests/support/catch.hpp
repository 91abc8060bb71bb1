// Catch2 2.13 and 3 behind one include, and the way a test says that it was skipped.
#pragma once

#include <cstdio>
#include <string>

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;  // Catch2 2 declares it outside of its namespace itself
#else
#include <catch2/catch.hpp>
#endif

namespace vcell_test {
/// Matches text that holds this text, in CHECK_THROWS_WITH and CHECK_THAT.
inline auto contains(const std::string& text) {
#if __has_include(<catch2/catch_all.hpp>)
  return Catch::Matchers::ContainsSubstring(text);
#else
  return Catch::Matchers::Contains(text);
#endif
}

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
