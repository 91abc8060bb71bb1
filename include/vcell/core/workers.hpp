#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "vcell/core/at_fork.hpp"
#include "vcell/core/error.hpp"
#include "vcell/core/job_place.hpp"
#include "vcell/core/message.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The threads of a ThreadPool, within one process. After a fork the child has a copy of this
/// without the threads, whose locks may be held and whose condition variables wait for threads that
/// are not there: nothing can be done with it, not even to destroy it. The pool then retires it.
class Workers {
 public:
  using Chunk = void (*)(void* context, size_t chunk);

  /// @param pool     whose job places are
  /// @param threads  at least 1, the calling one counted
  /// @throws Error if the system does not give that many
  Workers(const ThreadPool& pool, int threads) : pool_(pool) {
    static const bool counted = (at_fork(nullptr, nullptr, [] { ++forks(); }), true);
    (void)counted;
    made_after_ = forks();
    try {
      for (int i = 1; i < threads; ++i) threads_.emplace_back([this, i] { work(i); });
    } catch (const std::system_error& e) {
      const int started = size();
      end();
      throw Error(message("ThreadPool: the system gave ", started, " of ", threads,
                          " threads: ", e.what(), "; ask for fewer"));
    }
  }
  ~Workers() { end(); }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  int size() const { return int(threads_.size()) + 1; }

  /// Whether this is a copy in a child of the process that has the threads.
  bool forked() const { return made_after_ != forks(); }

  /// Ends the threads and destroys them; a copy in a child is left as it is, where tools that look
  /// for lost memory find it.
  static void retire(Workers* workers) {
    if (!workers || !workers->forked()) {
      delete workers;
      return;
    }
    static std::atomic<Workers*> copies{nullptr};
    workers->next_copy_ = copies.load();
    while (!copies.compare_exchange_weak(workers->next_copy_, workers)) continue;
  }

  /// Runs chunk(context, 0 .. chunks - 1) on all threads.
  void run(size_t chunks, void* context, Chunk chunk) {
    const std::lock_guard one_job(job_mutex_);
    {
      const std::lock_guard lock(mutex_);
      context_ = context;
      chunk_ = chunk;
      chunks_ = chunks;
      next_ = 0;
      failed_chunk_ = chunks;
      failure_ = nullptr;
      busy_ = int(threads_.size());
      ++job_;
    }
    wake_.notify_all();
    take(0);
    if (forked())
      throw Error(
          "parallel_for: the process was forked within the job, whose other threads the "
          "child does not have; fork outside of parallel_for, or end the child there");
    spin([this] { return busy_ == 0; });
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return busy_ == 0; });
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

 private:
  /// Forks on the way from the process that first made workers to this one.
  static std::atomic<size_t>& forks() {
    static std::atomic<size_t> count{0};
    return count;
  }

  void end() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    wake_.notify_all();
    for (auto& t : threads_) t.join();
  }

  void take(int number) {
    const JobPlace place(pool_, number);
    for (size_t i; !forked() && (i = next_.fetch_add(1)) < chunks_;) {
      try {
        chunk_(context_, i);
      } catch (...) {
        if (forked()) return;
        const std::lock_guard lock(mutex_);
        if (i < failed_chunk_) {
          failed_chunk_ = i;
          failure_ = std::current_exception();
        }
      }
    }
  }

  void work(int number) {
    size_t seen = 0;
    for (;;) {
      spin([&] { return job_ != seen; });
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return ended_ || job_ != seen; });
        if (ended_) return;
        seen = job_;
      }
      take(number);
      if (forked()) return;  // the last thread of its process, which ends
      const std::lock_guard lock(mutex_);
      if (--busy_ == 0) done_.notify_one();
    }
  }

  /// Waits a little without sleeping: jobs of a training step follow each other within
  /// microseconds, and waking a thread costs more than that.
  template <class Condition>
  static void spin(Condition condition) {
    for (int i = 0; i < 200 && !condition(); ++i) std::this_thread::yield();
  }

  const ThreadPool& pool_;
  size_t made_after_ = 0;
  Workers* next_copy_ = nullptr;
  std::vector<std::thread> threads_;
  std::mutex mutex_, job_mutex_;
  std::condition_variable wake_, done_;
  std::atomic<size_t> next_{0};
  std::atomic<size_t> job_{0};
  std::atomic<int> busy_{0};
  size_t chunks_ = 0, failed_chunk_ = 0;
  void* context_ = nullptr;
  Chunk chunk_ = nullptr;
  std::exception_ptr failure_;
  bool ended_ = false;
};

}  // namespace detail
VCELL_END_NAMESPACE
