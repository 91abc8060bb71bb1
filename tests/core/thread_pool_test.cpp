#include "vcell/core/thread_pool.hpp"

#include <algorithm>
#include <atomic>
#include <vector>

#include "support/address_limit.hpp"
#include "support/errors.hpp"
#include "support/sanitized.hpp"

using namespace vcell;

namespace {

void count_visit(void* visits, size_t chunk) {
  ++(*static_cast<std::vector<std::atomic<int>>*>(visits))[chunk];
}

}  // namespace

TEST_CASE("thread_pool: every chunk runs once, in job after job", "[core]") {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    CHECK(pool.size() == threads);
    for (const size_t chunks : {0, 1, 2, 1000}) {
      std::vector<std::atomic<int>> visits(chunks);
      for (int round = 0; round < 3; ++round) pool.run(chunks, &visits, count_visit);
      CHECK(std::count(visits.begin(), visits.end(), 3) == std::ptrdiff_t(chunks));
    }
  }
}

TEST_CASE("thread_pool: pools do not mix", "[core]") {
  ThreadPool outer(2);
  struct Work {
    ThreadPool inner{2};
    std::vector<std::atomic<int>> visits = std::vector<std::atomic<int>>(10);
    std::atomic<int> outside{0};
  } work;
  outer.run(4, &work, [](void* p, size_t) {
    auto& w = *static_cast<Work*>(p);
    w.outside += ThreadPool::thread() == ThreadPool::outside;
    w.inner.run(w.visits.size(), &w.visits, count_visit);
  });
  CHECK(std::count(work.visits.begin(), work.visits.end(), 4) == 10);
  CHECK(work.outside == 0);
  CHECK(ThreadPool::thread() == ThreadPool::outside);
}

TEST_CASE("thread_pool: another number of threads", "[core]") {
  ThreadPool pool;
  CHECK(pool.size() == default_num_threads());
  for (const int threads : {3, 1, 2, 2}) {
    pool.resize(threads);
    CHECK(pool.size() == threads);
    std::vector<std::atomic<int>> visits(100);
    pool.run(visits.size(), &visits, count_visit);
    CHECK(std::count(visits.begin(), visits.end(), 1) == 100);
  }
}

// Sanitizers reserve more address space than any limit allows.
#if defined(__linux__) && !defined(VCELL_TEST_SANITIZED)
TEST_CASE("thread_pool: more threads than the system gives are an error", "[core]") {
  {
    const vcell_test::AddressLimit limit(size_t(2) << 30);  // a stack is some megabytes of it
    vcell_test::check_error<Error>([] { ThreadPool(100000); },
                                   {"of 100000 threads", "ask for fewer"});
  }
  ThreadPool usable(2);
  std::vector<std::atomic<int>> visits(10);
  usable.run(10, &visits, count_visit);
  CHECK(std::count(visits.begin(), visits.end(), 1) == 10);
}
#endif
