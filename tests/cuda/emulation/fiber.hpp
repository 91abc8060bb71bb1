// A function with a stack of its own, which may stop in the middle and go on later.
#pragma once

#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cstddef>
#include <functional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "cuda/emulation/sanitizers.hpp"

namespace vcell_emulation {

class Fiber {
 public:
  Fiber() : memory_(stacks().take()) {
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
    stacks().give(memory_);
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
#if !defined(VCELL_FIBER_ASAN) && !defined(VCELL_FIBER_TSAN)
    is_new_ = true;
#endif
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
    switch_inside();
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
    switch_outside();
#if defined(VCELL_FIBER_ASAN)
    __sanitizer_finish_switch_fiber(fake, &outside_stack_, &outside_bytes_);
#endif
  }
  bool started() const { return started_; }
  bool finished() const { return finished_; }

 private:
  static constexpr size_t stack_bytes = 256 * 1024, guard_bytes = 64 * 1024;

  /// The stacks of a host thread that no fiber has now: the next block needs as many again.
  class Stacks {
   public:
    Stacks() = default;
    Stacks(const Stacks&) = delete;
    Stacks& operator=(const Stacks&) = delete;
    ~Stacks() {
      for (char* memory : unused_) munmap(memory, guard_bytes + stack_bytes);
    }
    char* take() {
      if (!unused_.empty()) {
        char* const memory = unused_.back();
        unused_.pop_back();
        return memory;
      }
      void* memory = mmap(nullptr, guard_bytes + stack_bytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (memory == MAP_FAILED)
        throw std::runtime_error("emulation: no memory for a fiber's stack");
      mprotect(memory, guard_bytes, PROT_NONE);  // a stack that overflows ends here
      return static_cast<char*>(memory);
    }
    void give(char* memory) { unused_.push_back(memory); }

   private:
    std::vector<char*> unused_;
  };
  static Stacks& stacks() {
    static thread_local Stacks unused;
    return unused;
  }

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
#if defined(VCELL_FIBER_ASAN) || defined(VCELL_FIBER_TSAN)
  void switch_inside() { swapcontext(&outside_, &inside_); }
  void switch_outside() { swapcontext(&inside_, &outside_); }
#else
  // swapcontext asks the kernel for the signal mask each time, which takes longer than most of what
  // a thread does between two barriers.
  void switch_inside() {
    if (_setjmp(outside_jump_)) return;
    if (std::exchange(is_new_, false)) setcontext(&inside_);
    _longjmp(inside_jump_, 1);
  }
  void switch_outside() {
    if (!_setjmp(inside_jump_)) _longjmp(outside_jump_, 1);
  }
  jmp_buf inside_jump_, outside_jump_;
  bool is_new_ = true;
#endif
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
