#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

#include "vcell/core/job_place.hpp"
#include "vcell/core/thread_count.hpp"
#include "vcell/core/workers.hpp"

VCELL_BEGIN_NAMESPACE

/// The threads that parallel_for uses. One job at a time: the calling thread and the workers take
/// chunk numbers from a shared counter until none is left. Starting a job allocates nothing.
///
/// A child of the process (fork) has a pool of the same size, whose threads are started when it
/// first runs a job.
class ThreadPool {
 public:
  using Chunk = detail::Workers::Chunk;

  /// default_num_threads() threads, started on first use.
  ThreadPool() = default;
  /// @param threads  at least 1, the calling one counted
  /// @throws Error if the system does not give that many
  explicit ThreadPool(int threads) : workers_(new detail::Workers(*this, threads)) {}
  ~ThreadPool() { detail::Workers::retire(workers_); }
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// Threads, the calling one counted.
  int size() const {
    const detail::Workers* w = workers_.load(std::memory_order_acquire);
    return w ? w->size() : workers().size();
  }

  /// Another number of threads. Not to be called while the pool runs a job.
  /// @throws Error if the system does not give that many: the next job then has the default number
  void resize(int threads) {
    if (const detail::Workers* w = workers_; w && w->size() == threads) return;
    detail::Workers::retire(workers_.exchange(nullptr));
    workers_ = new detail::Workers(*this, threads);
  }

  static constexpr int outside = -1;
  /// Which thread of the pool whose job it runs is calling, 0 .. size() - 1 of that pool; else
  /// `outside`. Of jobs within jobs the innermost counts.
  static int thread() {
    const auto* here = detail::JobPlace::innermost();
    return here ? here->number() : outside;
  }

  /// Runs chunk(context, 0 .. chunks - 1), each once, and returns when all are done. Called from
  /// within a job, of this pool or another, it runs on the calling thread alone. Of several
  /// exceptions the one of the lowest chunk is thrown again.
  /// @throws Error in a child if chunks fork and the child does not end there
  void run(size_t chunks, void* context, Chunk chunk) {
    if (chunks == 0) return;
    const bool within = detail::JobPlace::innermost();
    if (chunks == 1 && !within) return chunk(context, 0);  // which may run jobs of its own
    if (!within && size() > 1) return workers().run(chunks, context, chunk);
    const detail::JobPlace place(*this);
    for (size_t i = 0; i < chunks; ++i) chunk(context, i);
  }

 private:
  /// The threads of this process. Without a lock, which a fork could leave locked in the child: if
  /// several callers find none, one's are kept.
  detail::Workers& workers() const {
    detail::Workers* found = workers_.load(std::memory_order_acquire);
    if (found && !found->forked()) return *found;
    auto made =
        std::make_unique<detail::Workers>(*this, found ? found->size() : default_num_threads());
    if (!workers_.compare_exchange_strong(found, made.get())) return *found;
    detail::Workers::retire(found);
    return *made.release();
  }

  mutable std::atomic<detail::Workers*> workers_{nullptr};
};

VCELL_END_NAMESPACE
