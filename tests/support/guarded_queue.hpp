// The order of work of a context of Guarded. Nothing runs before somebody waits, which is as late
// as a GPU may be.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "support/guarded_memory.hpp"
#include "vcell/core/error.hpp"

namespace vcell_test {

/// How often the host has waited for a context of Guarded.
inline std::atomic<size_t> guarded_waits{0};

class GuardedQueue {
 public:
  /// Returns what went wrong, or null.
  using Work = std::function<const char*()>;

  GuardedQueue() = default;
  GuardedQueue(const GuardedQueue&) = delete;
  ~GuardedQueue() {
    run(queued_);
    if (!failure_) return;
    std::fprintf(stderr, "%s, and nobody waited to learn of it\n", failure_);
    std::abort();
  }

  void add(Work work) {
    const std::lock_guard lock(guarded_mutex());
    work_.push_back(std::move(work));
    ++queued_;
  }
  /// What was queued so far, and how much of it has run.
  uint64_t queued() const {
    const std::lock_guard lock(guarded_mutex());
    return queued_;
  }
  uint64_t done() const {
    const std::lock_guard lock(guarded_mutex());
    return done_;
  }
  /// Runs the first n pieces of work, and none of another queue unless one of them waits for it.
  void run(uint64_t n) {
    const std::lock_guard lock(guarded_mutex());
    while (done_ < n) {
      const Work work = std::move(work_.front());
      work_.pop_front();
      const char* const failure = work();
      if (!failure_) failure_ = failure;
      ++done_;
    }
  }
  /// Takes what f queues off again, to be added as often as wanted: what CUDA calls a graph. Nobody
  /// may wait in f, and memory of its own it may not free.
  template <class F>
  std::vector<Work> record(F f) {
    const std::lock_guard lock(guarded_mutex());
    const size_t before = work_.size();
    f();
    const auto first = work_.begin() + std::ptrdiff_t(before);
    std::vector<Work> recorded(first, work_.end());
    work_.erase(first, work_.end());
    queued_ -= recorded.size();
    return recorded;
  }
  /// The host waits.
  /// @throws vcell::Error for what went wrong meanwhile
  void wait() {
    ++guarded_waits;
    const std::lock_guard lock(guarded_mutex());
    run(queued_);
    if (const char* const failure = std::exchange(failure_, nullptr)) throw vcell::Error(failure);
  }

 private:
  std::deque<Work> work_;
  uint64_t queued_ = 0, done_ = 0;
  const char* failure_ = nullptr;
};

}  // namespace vcell_test

VCELL_BEGIN_NAMESPACE

template <class Device>
class Context;

template <>
class Context<vcell_test::Guarded> {
 public:
  Context() : queue_(std::make_shared<vcell_test::GuardedQueue>()) {}

  Context beside() const { return {}; }
  void wait_for(const Context& other) const {
    queue_->add([other = std::weak_ptr(other.queue_), position = other.queue_->queued()] {
      if (const auto queue = other.lock()) queue->run(position);  // else it has run to its end
      return nullptr;
    });
  }
  void synchronize() const { queue_->wait(); }

  vcell_test::GuardedQueue& queue() const { return *queue_; }

 private:
  std::shared_ptr<vcell_test::GuardedQueue> queue_;
};

VCELL_END_NAMESPACE
