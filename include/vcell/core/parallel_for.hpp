#pragma once

#include <algorithm>

#include "vcell/core/check.hpp"
#include "vcell/core/thread_pool.hpp"

VCELL_BEGIN_NAMESPACE

/// The pool of whoever names none. One of the library's three pieces of global state; its threads
/// are started on first use.
inline ThreadPool& global_thread_pool() {
  static ThreadPool pool;
  return pool;
}

/// Threads of the global pool, the calling one counted. Never changes a result, only the time it
/// takes.
inline int num_threads() { return global_thread_pool().size(); }

/// Sets the number of threads of the global pool. Not to be called while other threads compute.
/// @throws ConfigError if threads is not above 0; Error if called from within parallel_for, or if
///         the system does not give that many: the next parallel_for then has the default number
inline void set_num_threads(int threads) {
  check_positive("set_num_threads", "threads", threads);
  if (ThreadPool::thread() != ThreadPool::outside)
    throw Error("set_num_threads: called from within parallel_for, whose threads it would end");
  global_thread_pool().resize(threads);
}

/// Which thread of its pool runs this piece of a parallel_for, 0 .. size() - 1: the place of its
/// scratch memory. Scratch is made before the parallel_for, a part for every thread, so that what a
/// step allocates does not depend on which thread took which piece.
inline size_t thread_index() { return size_t(std::max(0, ThreadPool::thread())); }

/// The same in one certain pool; 0 for a thread that runs no piece of that pool.
inline size_t thread_index(const ThreadPool& pool) {
  return size_t(detail::JobPlace::number_in(pool));
}

/// Calls f(begin, end) for consecutive pieces of 0 .. n, on all threads of a pool. The pieces are
/// grain long (the last one may be shorter) whatever the number of threads, so a caller that
/// reduces per piece gets the same bytes on one thread as on many. Calls from within one of several
/// pieces run on its thread, whichever pool they name. Of several exceptions that of the lowest
/// piece is thrown again.
template <class F>
void parallel_for(ThreadPool& pool, size_t n, size_t grain, F&& f) {
  struct Work {
    F& f;
    size_t n, grain;
  } work{f, n, std::max<size_t>(grain, 1)};
  pool.run(n / work.grain + (n % work.grain != 0), &work, [](void* p, size_t i) {
    auto& w = *static_cast<Work*>(p);
    w.f(i * w.grain, std::min(w.n, (i + 1) * w.grain));
  });
}

/// The same on the threads of the global pool.
template <class F>
void parallel_for(size_t n, size_t grain, F&& f) {
  parallel_for(global_thread_pool(), n, grain, f);
}

VCELL_END_NAMESPACE
