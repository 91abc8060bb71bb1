// What a process and a child of it do with one pool of threads.
#include <atomic>
#include <memory>
#include <thread>

#include "support/errors.hpp"
#include "support/forked.hpp"
#include "support/threads.hpp"
#include "vcell/core/at_fork.hpp"
#include "vcell/core/parallel_for.hpp"

using namespace vcell;
using vcell_test::fork_child, vcell_test::run_forked, vcell_test::status_of, vcell_test::Threads;

#if defined(VCELL_TEST_NO_FORK)
TEST_CASE("fork: the pool of threads in a child", "[core]") {
  VCELL_SKIP("ThreadSanitizer starts no threads in a child");
}
#else

namespace {

/// Whether a pool does its work, on so many threads: each waits until all have come. Pools work
/// once before a fork: what a thread that is only starting holds of AddressSanitizer's allocator
/// may stay locked in the child.
bool works(ThreadPool& pool, int threads) {
  std::atomic<int> come{0};
  std::atomic<size_t> sum{0};
  parallel_for(pool, size_t(threads), 1, [&](size_t, size_t) {
    ++come;
    while (come < threads) std::this_thread::yield();
  });
  parallel_for(pool, 1000, 7, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) sum += i;
  });
  return pool.size() == threads && sum == 1000 * 999 / 2;
}

}  // namespace

TEST_CASE("fork: a child computes on as many threads and ends", "[core]") {
  const Threads set(3);
  ThreadPool& pool = global_thread_pool();
  REQUIRE(works(pool, 3));
  CHECK(run_forked([&] { return works(pool, 3); }) == 0);
  CHECK(run_forked([] { return true; }) == 0);
  CHECK(run_forked([&] {
          set_num_threads(2);
          return works(pool, 2);
        }) == 0);
  CHECK(run_forked([&] {
          return works(pool, 3) && run_forked([&] { return works(pool, 3); }) == 0 &&
                 works(pool, 3);
        }) == 0);
  CHECK(works(pool, 3));
}

namespace {

struct Calls {
  int before = 0, in_parent = 0, in_child = 0;
};
Calls calls;

}  // namespace

TEST_CASE("at_fork: a function is called on its side of a fork, every time", "[core]") {
  detail::at_fork([] { ++calls.before; }, [] { ++calls.in_parent; }, [] { ++calls.in_child; });
  detail::at_fork(nullptr, nullptr, nullptr);
  for (int forks = 1; forks <= 2; ++forks) {
    CHECK(run_forked([forks] {
            return calls.before == forks && calls.in_parent == forks - 1 && calls.in_child == 1;
          }) == 0);
    CHECK(calls.before == forks);
    CHECK(calls.in_parent == forks);
    CHECK(calls.in_child == 0);
  }
}

TEST_CASE("fork: while another thread computes", "[core]") {
  const Threads set(3);
  REQUIRE(works(global_thread_pool(), 3));
  std::atomic<bool> begun{false}, ended{false};
  std::thread other([&] {
    begun = true;
    while (!ended) parallel_for(64, 1, [](size_t, size_t) { std::this_thread::yield(); });
  });
  while (!begun) std::this_thread::yield();
  for (int round = 0; round < 20; ++round)
    CHECK(run_forked([] { return works(global_thread_pool(), 3); }) == 0);
  ended = true;
  other.join();
}

TEST_CASE("fork: several threads of a child ask for its pool at once", "[core]") {
  const Threads set(2);
  REQUIRE(works(global_thread_pool(), 2));
  CHECK(run_forked([] {
          std::atomic<size_t> sum{0};
          std::vector<std::thread> callers;
          for (int t = 0; t < 4; ++t)
            callers.emplace_back([&] {
              for (int i = 0; i < 50; ++i) parallel_for(10, 1, [&](size_t k, size_t) { sum += k; });
            });
          for (auto& c : callers) c.join();
          return sum == 4 * 50 * 45;
        }) == 0);
}

TEST_CASE("fork: a pool of the user's own, used or ended in the child", "[core]") {
  auto pool = std::make_unique<ThreadPool>(3);
  static ThreadPool lasting(3);  // ends with the program
  REQUIRE((works(*pool, 3) && works(lasting, 3)));
  CHECK(run_forked([&] { return works(*pool, 3); }) == 0);
  CHECK(run_forked([&] {
          pool.reset();
          return true;
        }) == 0);
  CHECK(run_forked([&] {
          const bool good = works(*pool, 3) && works(lasting, 3);
          pool.reset();
          return good;
        }) == 0);
  CHECK(works(*pool, 3));
}

TEST_CASE("fork: within a job, whose other threads the child lacks", "[core]") {
  const Threads set(3);
  for (const size_t forking : {0, 1}) {  // the calling thread, one of the pool's
    for (const bool fails : {false, true}) {
      std::atomic<pid_t> child{-1};
      try {
        // Every thread has a piece, since none ends before the fork; the child begins no other.
        parallel_for(50, 1, [&](size_t, size_t) {
          if (child == 0) std::_Exit(3);
          if (child > 0) return;
          if (thread_index() == forking)
            child = fork_child();
          else
            while (child == -1) std::this_thread::yield();
          if (child == 0 && fails) throw 7;
        });
      } catch (const Error& e) {
        const bool said = std::string(e.what()).find("forked") != std::string::npos;
        std::exit(child == 0 && said ? 0 : 1);
      }
      if (child == 0) std::exit(2);
      CHECK(status_of(child) == 0);
    }
  }
  CHECK(works(global_thread_pool(), 3));
}
#endif
