#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "vcell/core/check.hpp"

VCELL_BEGIN_NAMESPACE

struct PrefetchOptions {
  /// Background threads. 0: items are made when asked for, on the calling thread. Never changes an
  /// item.
  size_t threads = 1;
  /// Items made ahead of the one in use.
  size_t ahead = 2;
};

/// Items made in the background, handed out in their order. Items are kept in a ring and used
/// again, so making one need not allocate. Not to be moved; one thread asks for items.
template <class T>
class Prefetch {
 public:
  /// Makes item `number` into what an earlier item left behind. Called from several threads at
  /// once, for different items.
  using Make = std::function<void(uint64_t number, T& item)>;

  explicit Prefetch(Make make, uint64_t first = 0, const PrefetchOptions& options = {})
      : make_(std::move(make)), next_(first), claimed_(first) {
    // One slot beside those ahead is the caller's, who reads it until the next call.
    slots_.resize(options.threads ? std::max<size_t>(options.ahead, 1) + 1 : 1);
    try {
      for (size_t i = 0; i < options.threads; ++i) threads_.emplace_back([this] { work(); });
    } catch (...) {
      stop();
      throw;
    }
  }
  ~Prefetch() { stop(); }
  Prefetch(const Prefetch&) = delete;
  Prefetch& operator=(const Prefetch&) = delete;

  /// The number of the item that the next call of next() hands out.
  uint64_t number() const { return next_; }

  /// The next item. It stays as it is until the next call.
  /// @throws what making it threw; the same item is then still the next one
  const T& next() {
    Slot& slot = slot_of(next_);
    if (threads_.empty()) {
      make_(next_, slot.item);
      ++next_;
      return slot.item;
    }
    std::unique_lock lock(mutex_);
    if (in_use_) {  // the item handed out last is given back
      in_use_ = false;
      slot_of(next_ - 1).state = State::free;
      freed_.notify_all();
    }
    made_.wait(lock, [&] { return slot.state == State::made; });
    if (slot.failure) std::rethrow_exception(slot.failure);
    in_use_ = true;
    ++next_;
    return slot.item;
  }

 private:
  enum class State { free, claimed, made };
  struct Slot {
    T item;
    State state = State::free;
    std::exception_ptr failure;
  };

  Slot& slot_of(uint64_t number) { return slots_[size_t(number % slots_.size())]; }

  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      freed_.wait(lock, [&] { return ended_ || slot_of(claimed_).state == State::free; });
      if (ended_) return;
      const uint64_t number = claimed_++;
      Slot& slot = slot_of(number);
      slot.state = State::claimed;
      lock.unlock();
      std::exception_ptr failure;
      try {
        make_(number, slot.item);
      } catch (...) {
        failure = std::current_exception();
      }
      lock.lock();
      slot.failure = failure;
      slot.state = State::made;
      made_.notify_one();
    }
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    freed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  Make make_;
  std::vector<Slot> slots_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable freed_, made_;
  uint64_t next_;        // item that the caller gets next
  uint64_t claimed_;     // item that a thread makes next
  bool in_use_ = false;  // whether the caller reads item next_ - 1
  bool ended_ = false;
};

VCELL_END_NAMESPACE
