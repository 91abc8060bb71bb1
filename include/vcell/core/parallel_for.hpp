#pragma once

#include <algorithm>
#include <memory>
#include <mutex>

#include "vcell/core/check.hpp"
#include "vcell/core/thread_pool.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

// One of the library's three pieces of global state: the pool, made on first use.
struct PoolHolder {
  std::mutex mutex;
  std::unique_ptr<ThreadPool> pool;
  static PoolHolder& instance() {
    static PoolHolder holder;
    return holder;
  }
  ThreadPool& get() {
    const std::lock_guard lock(mutex);
    if (!pool) pool = std::make_unique<ThreadPool>(default_num_threads());
    return *pool;
  }
};

}  // namespace detail

/// Threads in use, the calling one counted. Never changes a result, only the time it takes.
inline int num_threads() { return detail::PoolHolder::instance().get().size(); }

/// Sets the number of threads. Not to be called while other threads compute.
/// @throws ConfigError if threads is not above 0; Error if called from within parallel_for, or if
///         the system does not give that many: the next parallel_for then has the default number
inline void set_num_threads(int threads) {
  check_positive("set_num_threads", "threads", threads);
  if (ThreadPool::thread() != ThreadPool::outside)
    throw Error("set_num_threads: called from within parallel_for, whose threads it would end");
  auto& holder = detail::PoolHolder::instance();
  const std::lock_guard lock(holder.mutex);
  if (holder.pool && holder.pool->size() == threads) return;
  holder.pool.reset();
  holder.pool = std::make_unique<ThreadPool>(threads);
}

/// Which thread runs this piece of a parallel_for, 0 .. num_threads() - 1: the place of its scratch
/// memory. Scratch is made before the parallel_for, a part for every thread, so that what a step
/// allocates does not depend on which thread took which piece.
inline size_t thread_index() { return size_t(std::max(0, ThreadPool::thread())); }

/// Calls f(begin, end) for consecutive pieces of 0 .. n, on all threads. The pieces are grain long
/// (the last one may be shorter) whatever the number of threads, so a caller that reduces per piece
/// gets the same bytes on one thread as on many. Calls from within one of several pieces
/// run on its thread. Of several exceptions that of the lowest piece is thrown again.
template <class F>
void parallel_for(size_t n, size_t grain, F&& f) {
  grain = std::max<size_t>(grain, 1);
  if (n <= grain) {
    if (n) f(size_t(0), n);
    return;
  }
  struct Context {
    F& f;
    size_t n, grain;
  } context{f, n, grain};
  detail::PoolHolder::instance().get().run((n + grain - 1) / grain, &context,
                                           [](void* p, size_t i) {
                                             auto& c = *static_cast<Context*>(p);
                                             c.f(i * c.grain, std::min(c.n, (i + 1) * c.grain));
                                           });
}

VCELL_END_NAMESPACE
