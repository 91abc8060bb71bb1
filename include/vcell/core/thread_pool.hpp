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

#include "vcell/core/thread_count.hpp"

VCELL_BEGIN_NAMESPACE

/// The threads that parallel_for uses. One job at a time: the calling thread and the workers take
/// chunk numbers from a shared counter until none is left. Starting a job allocates nothing.
class ThreadPool {
 public:
  using Chunk = void (*)(void* context, size_t chunk);

  /// @param threads  at least 1, the calling one counted
  /// @throws Error if the system does not give that many
  explicit ThreadPool(int threads) {
    try {
      for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { work(i); });
    } catch (const std::system_error& e) {
      const int started = size();
      end();
      throw Error(message("ThreadPool: the system gave ", started, " of ", threads,
                          " threads: ", e.what(), "; ask for fewer"));
    }
  }
  ~ThreadPool() { end(); }
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return int(workers_.size()) + 1; }

  static constexpr int outside = -1;
  /// Which thread of a pool is calling from within a job, 0 .. size() - 1; else `outside`.
  static int thread() { return this_thread(); }

  /// Runs chunk(context, 0 .. chunks - 1), each once, and returns when all are done. Called from
  /// within a job it runs on the calling thread alone. Of several exceptions the one of the lowest
  /// chunk is thrown again.
  void run(size_t chunks, void* context, Chunk chunk) {
    if (chunks <= 1 || workers_.empty() || thread() != outside) {
      for (size_t i = 0; i < chunks; ++i) chunk(context, i);
      return;
    }
    const std::lock_guard one_job(job_mutex_);
    {
      const std::lock_guard lock(mutex_);
      context_ = context;
      chunk_ = chunk;
      chunks_ = chunks;
      next_ = 0;
      failed_chunk_ = chunks;
      failure_ = nullptr;
      busy_ = int(workers_.size());
      ++job_;
    }
    wake_.notify_all();
    take(0);
    spin([this] { return busy_ == 0; });
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return busy_ == 0; });
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

 private:
  static int& this_thread() {
    static thread_local int number = outside;
    return number;
  }

  void end() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    wake_.notify_all();
    for (auto& w : workers_) w.join();
  }

  void take(int number) {
    this_thread() = number;
    for (size_t i; (i = next_.fetch_add(1)) < chunks_;) {
      try {
        chunk_(context_, i);
      } catch (...) {
        const std::lock_guard lock(mutex_);
        if (i < failed_chunk_) {
          failed_chunk_ = i;
          failure_ = std::current_exception();
        }
      }
    }
    this_thread() = outside;
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

  std::vector<std::thread> workers_;
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

VCELL_END_NAMESPACE
