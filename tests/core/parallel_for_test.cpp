#include "vcell/core/parallel_for.hpp"

#include <atomic>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "support/errors.hpp"
#include "support/threads.hpp"

using namespace vcell;
using vcell_test::check_error, vcell_test::Threads;

TEST_CASE("parallel_for: every index once, in pieces of the grain", "[core]") {
  for (const int threads : {1, 2, 3, 8}) {
    const Threads set(threads);
    CHECK(num_threads() == threads);
    for (const size_t n : {0, 1, 2, 7, 64, 1001})
      for (const size_t grain : {0, 1, 3, 64, 5000}) {
        std::vector<int> visits(n);
        std::atomic<size_t> wrong{0};
        const size_t piece = std::max<size_t>(grain, 1);
        parallel_for(n, grain, [&](size_t begin, size_t end) {
          wrong += begin % piece != 0 || end != std::min(n, begin + piece);
          for (size_t i = begin; i < end; ++i) ++visits[i];
        });
        CHECK(std::count(visits.begin(), visits.end(), 1) == std::ptrdiff_t(n));
        CHECK(wrong == 0);
      }
  }
}

TEST_CASE("parallel_for: sums per piece have the same bytes for any number of threads", "[core]") {
  std::vector<double> x(10007);
  for (size_t i = 0; i < x.size(); ++i) x[i] = 1.0 / double(i + 1);
  const auto sum = [&](int threads) {
    const Threads set(threads);
    constexpr size_t grain = 100;
    std::vector<double> parts(x.size() / grain + 1);
    parallel_for(x.size(), grain, [&](size_t begin, size_t end) {
      parts[begin / grain] = std::accumulate(&x[begin], &x[0] + end, 0.0);
    });
    return std::accumulate(parts.begin(), parts.end(), 0.0);
  };
  const double one = sum(1);
  for (const int threads : {2, 3, 8}) CHECK(sum(threads) == one);
}

TEST_CASE("parallel_for: the exception of the lowest piece is thrown again", "[core]") {
  for (const int threads : {1, 2, 8}) {
    const Threads set(threads);
    for (int round = 0; round < 50; ++round)
      check_error<std::runtime_error>(
          [] {
            parallel_for(100, 1, [](size_t i, size_t) {
              if (i % 10 == 3) throw std::runtime_error("piece " + std::to_string(i) + '.');
            });
          },
          {"piece 3."});
    // The pool is whole afterwards.
    std::atomic<size_t> done{0};
    parallel_for(100, 1, [&](size_t, size_t) { ++done; });
    CHECK(done == 100);
  }
}

TEST_CASE("parallel_for: a nested call runs on the calling thread", "[core]") {
  const Threads set(4);
  std::atomic<size_t> inner{0}, elsewhere{0};
  parallel_for(16, 1, [&](size_t, size_t) {
    const auto here = std::this_thread::get_id();
    parallel_for(10, 1, [&](size_t, size_t) {
      ++inner;
      elsewhere += std::this_thread::get_id() != here;
    });
  });
  CHECK(inner == 160);
  CHECK(elsewhere == 0);
}

TEST_CASE("parallel_for: calls from several threads of the user's own", "[core]") {
  const Threads set(3);
  std::vector<size_t> sums(4);
  std::vector<std::thread> callers;
  for (size_t t = 0; t < sums.size(); ++t)
    callers.emplace_back([&sums, t] {
      for (int round = 0; round < 100; ++round) {
        std::atomic<size_t> sum{0};
        parallel_for(50, 1, [&](size_t i, size_t) { sum += i; });
        sums[t] += sum;
      }
    });
  for (auto& c : callers) c.join();
  for (const size_t s : sums) CHECK(s == 100 * 50 * 49 / 2);
}

TEST_CASE("parallel_for: set_num_threads checks its argument", "[core]") {
  for (const int bad : {0, -1})
    check_error<ConfigError>([=] { set_num_threads(bad); },
                             {"set_num_threads", std::to_string(bad)});
}

TEST_CASE("parallel_for: set_num_threads is refused within a job", "[core]") {
  const Threads set(2);
  check_error<Error>([] { parallel_for(8, 1, [](size_t, size_t) { set_num_threads(3); }); },
                     {"set_num_threads", "parallel_for"});
  CHECK(num_threads() == 2);
}

TEST_CASE("parallel_for: thread_index tells threads apart", "[core]") {
  CHECK(thread_index() == 0);
  for (const int threads : {1, 3}) {
    const Threads set(threads);
    std::vector<std::atomic<int>> users(static_cast<size_t>(threads));
    std::atomic<size_t> wrong{0};
    parallel_for(2000, 1, [&](size_t, size_t) {
      const size_t here = thread_index();
      wrong += here >= size_t(threads) || users[here]++ != 0;
      parallel_for(2, 1, [&](size_t, size_t) { wrong += thread_index() != here; });
      --users[here];
    });
    CHECK(wrong == 0);
  }
  CHECK(thread_index() == 0);
}

TEST_CASE("parallel_for: pools of other sizes count their own threads", "[core]") {
  const Threads set(2);
  ThreadPool large(5), small(1);
  std::vector<std::atomic<int>> users(5);
  std::atomic<size_t> wrong{0}, inner{0};
  parallel_for(large, 5, 1, [&](size_t, size_t) {
    const size_t here = thread_index();
    wrong += here >= 5 || ++users[here] != 1;
    while (users[0] + users[1] + users[2] + users[3] + users[4] < 5) std::this_thread::yield();
    const auto thread = std::this_thread::get_id();
    // A job of another pool runs on this thread alone, the first of that pool, however many pieces
    // it has; the number in the pool around it stays known.
    for (ThreadPool* other : {&global_thread_pool(), &small})
      for (const size_t pieces : {1, 3})
        parallel_for(*other, pieces, 1, [&](size_t, size_t) {
          ++inner;
          wrong += thread_index() != 0 || std::this_thread::get_id() != thread;
          wrong += thread_index(large) != here || thread_index(*other) != 0;
          parallel_for(large, 2, 1, [&](size_t, size_t) { wrong += thread_index() != here; });
          wrong += thread_index() != 0;
        });
    wrong += thread_index() != here;
    try {
      parallel_for(2, 1, [](size_t, size_t) { throw 7; });
    } catch (int) {
      wrong += thread_index() != here;
    }
  });
  CHECK(wrong == 0);
  CHECK(inner == 5 * 2 * (1 + 3));
  CHECK(ThreadPool::thread() == ThreadPool::outside);
}

TEST_CASE("parallel_for: a job on one thread is a job", "[core]") {
  const Threads set(3);
  ThreadPool one(1);
  std::atomic<size_t> elsewhere{0};
  const auto here = std::this_thread::get_id();
  parallel_for(one, 2, 1, [&](size_t, size_t) {
    parallel_for(100, 1, [&](size_t, size_t) { elsewhere += std::this_thread::get_id() != here; });
    check_error<Error>([] { set_num_threads(2); }, {"set_num_threads"});
  });
  CHECK(elsewhere == 0);
}
