#include "vcell/core/parallel_for_watched.hpp"

#include <numeric>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/threads.hpp"

using namespace vcell;
using namespace vcell_test;

TEST_CASE("parallel_for_watched: does what parallel_for does, and tells one thread", "[core]") {
  for (const int threads : {1, 2, 7}) {
    const Threads set(threads);
    std::vector<int> done(101, 0);
    size_t calls = 0;
    const auto caller = std::this_thread::get_id();
    const auto work = [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) ++done[i];
    };
    parallel_for_watched(
        done.size(), 4, work,
        [&](const ProgressUpdate& update) {
          REQUIRE(std::this_thread::get_id() == caller);
          REQUIRE(update.stage == "count");
          REQUIRE(update.total == 101);
          REQUIRE(update.done <= 101);
          ++calls;
          return true;
        },
        "count");
    REQUIRE(done == std::vector<int>(101, 1));
    if (threads == 1) REQUIRE(calls == 26);
    parallel_for_watched(done.size(), 4, work, {}, "count");
    REQUIRE(done == std::vector<int>(101, 2));
    parallel_for_watched(
        0, 4, work, [](const ProgressUpdate&) { return false; }, "nothing");
  }
}

TEST_CASE("parallel_for_watched: stops between pieces", "[core]") {
  const Threads set(1);
  size_t pieces = 0;
  REQUIRE_THROWS_WITH(parallel_for_watched(
                          100, 10, [&](size_t, size_t) { ++pieces; },
                          [](const ProgressUpdate& update) { return update.done < 30; }, "count"),
                      contains("count: stopped") && contains("30 of 100"));
  REQUIRE(pieces == 3);
  // What a piece throws comes out as it is.
  REQUIRE_THROWS_AS(parallel_for_watched(
                        10, 1, [](size_t, size_t) { throw FormatError("x"); },
                        [](const ProgressUpdate&) { return true; }, "count"),
                    FormatError);
}
