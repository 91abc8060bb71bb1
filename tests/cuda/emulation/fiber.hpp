// A function with a stack of its own, which may stop in the middle and go on later.
#pragma once

#include <sys/mman.h>
#include <ucontext.h>

#include <cstddef>
#include <functional>
#include <stdexcept>
#include <utility>

#include "cuda/emulation/sanitizers.hpp"

namespace vcell_emulation {

class Fiber {
 public:
  Fiber() {
    void* memory = mmap(nullptr, guard_bytes + stack_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::runtime_error("emulation: no memory for a fiber's stack");
    memory_ = static_cast<char*>(memory);
    mprotect(memory_, guard_bytes, PROT_NONE);  // a stack that overflows ends here
#if defined(VCELL_FIBER_TSAN)
    tsan_ = __tsan_create_fiber(0);
#endif
  }
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;
  ~Fiber() {
#if defined(VCELL_FIBER_TSAN)
    __tsan_destroy_fiber(tsan_);
#endif
    forget_stack();
    munmap(memory_, guard_bytes + stack_bytes);
  }

  /// The function that the first resume() calls. It must not throw.
  void start(std::function<void()> body) {
    body_ = std::move(body);
    started_ = finished_ = false;
    forget_stack();
    getcontext(&inside_);
    inside_.uc_stack.ss_sp = stack();
    inside_.uc_stack.ss_size = stack_bytes;
    inside_.uc_link = nullptr;
    makecontext(&inside_, &Fiber::enter, 0);
  }
  /// From outside: runs the function until it suspends itself or ends.
  void resume() {
    entering() = this;
    started_ = true;
#if defined(VCELL_FIBER_ASAN)
    void* fake = nullptr;
    __sanitizer_start_switch_fiber(&fake, stack(), stack_bytes);
#endif
#if defined(VCELL_FIBER_TSAN)
    outside_tsan_ = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(tsan_, 0);
#endif
    swapcontext(&outside_, &inside_);
#if defined(VCELL_FIBER_ASAN)
    __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#endif
  }
  /// From inside: returns to whoever resumed it.
  void suspend() {
#if defined(VCELL_FIBER_ASAN)
    void* fake = nullptr;
    __sanitizer_start_switch_fiber(finished_ ? nullptr : &fake, outside_stack_, outside_bytes_);
#endif
#if defined(VCELL_FIBER_TSAN)
    __tsan_switch_to_fiber(outside_tsan_, 0);
#endif
    swapcontext(&inside_, &outside_);
#if defined(VCELL_FIBER_ASAN)
    __sanitizer_finish_switch_fiber(fake, &outside_stack_, &outside_bytes_);
#endif
  }
  bool started() const { return started_; }
  bool finished() const { return finished_; }

 private:
  static constexpr size_t stack_bytes = 256 * 1024, guard_bytes = 64 * 1024;

  static Fiber*& entering() {
    static thread_local Fiber* fiber = nullptr;
    return fiber;
  }
  static void enter() {
    Fiber& self = *entering();
#if defined(VCELL_FIBER_ASAN)
    __sanitizer_finish_switch_fiber(nullptr, &self.outside_stack_, &self.outside_bytes_);
#endif
    self.body_();
    self.finished_ = true;
    self.suspend();
  }
  char* stack() const { return memory_ + guard_bytes; }
  /// The frames of the last run are gone, whatever AddressSanitizer remembers of them.
  void forget_stack() {
#if defined(VCELL_FIBER_ASAN)
    __asan_unpoison_memory_region(stack(), stack_bytes);
#endif
  }

  char* memory_ = nullptr;
  ucontext_t inside_{}, outside_{};
  std::function<void()> body_;
  bool started_ = false, finished_ = false;
#if defined(VCELL_FIBER_ASAN)
  const void* outside_stack_ = nullptr;
  size_t outside_bytes_ = 0;
#endif
#if defined(VCELL_FIBER_TSAN)
  void* tsan_ = nullptr;
  void* outside_tsan_ = nullptr;
#endif
};

}  // namespace vcell_emulation
