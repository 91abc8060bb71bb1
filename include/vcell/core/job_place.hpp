#pragma once

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE
class ThreadPool;

namespace detail {

/// Which job of which pool the calling thread runs, as long as this lives on its stack, and around
/// it the jobs that this one was started from.
class JobPlace {
 public:
  /// @param number  of the thread in the pool
  JobPlace(const ThreadPool& pool, int number) : pool_(pool), number_(number), around_(here()) {
    here() = this;
  }
  /// For a job that runs on the calling thread alone: a thread keeps the number that it has in the
  /// pool, if it has one, so that it shares no scratch memory with the others; else it has 0.
  explicit JobPlace(const ThreadPool& pool) : JobPlace(pool, number_in(pool)) {}
  ~JobPlace() { here() = around_; }
  JobPlace(const JobPlace&) = delete;
  JobPlace& operator=(const JobPlace&) = delete;

  /// Of the innermost job; null outside of jobs.
  static const JobPlace* innermost() { return here(); }
  int number() const { return number_; }

  /// The calling thread's number in a pool, 0 when it runs no job of it.
  static int number_in(const ThreadPool& pool) {
    for (const JobPlace* p = here(); p; p = p->around_)
      if (&p->pool_ == &pool) return p->number_;
    return 0;
  }

 private:
  static const JobPlace*& here() {
    static thread_local const JobPlace* place = nullptr;
    return place;
  }

  const ThreadPool& pool_;
  int number_;
  const JobPlace* around_;
};

}  // namespace detail
VCELL_END_NAMESPACE
