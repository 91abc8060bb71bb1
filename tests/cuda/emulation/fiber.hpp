// A function with a stack of its own, which may stop in the middle and go on later.
#pragma once

#include <sys/mman.h>
#include <ucontext.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "cuda/emulation/sanitizers.hpp"

namespace vcell_emulation {

class Fiber {
 public:
  Fiber() : memory_(map_stack()) {
#if defined(VCELL_FIBER_TSAN)
    tsan_ = __tsan_create_fiber(0);
#endif
    getcontext(&inside_);
    inside_.uc_stack.ss_sp = stack();
    inside_.uc_stack.ss_size = stack_bytes;
    inside_.uc_link = nullptr;
    makecontext(&inside_, &Fiber::enter, 0);
  }
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;
  ~Fiber() {
#if defined(VCELL_FIBER_TSAN)
    __tsan_destroy_fiber(tsan_);
#endif
#if defined(VCELL_FIBER_ASAN)  // the memory is the next one's who asks for some
    __asan_unpoison_memory_region(stack(), stack_bytes);
#endif
    munmap(memory_, guard_bytes + stack_bytes);
  }

  /// The function that the next resume() calls. It must not throw. The one before has ended, or was
  /// never called.
  void start(std::function<void()> body) {
    body_ = std::move(body);
    started_ = finished_ = false;
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
    __sanitizer_start_switch_fiber(&fake, outside_stack_, outside_bytes_);
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

  static char* map_stack() {
    void* memory = mmap(nullptr, guard_bytes + stack_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::runtime_error("emulation: no memory for a fiber's stack");
    mprotect(memory, guard_bytes, PROT_NONE);  // a stack that overflows ends here
    return static_cast<char*>(memory);
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
    for (;;) {
      self.body_();
      self.finished_ = true;
      self.suspend();
    }
  }
#if defined(VCELL_FIBER_TSAN) || (defined(__clang__) && !defined(__x86_64__))
  void switch_inside() { swapcontext(&outside_, &inside_); }
  void switch_outside() { swapcontext(&inside_, &outside_); }
  ucontext_t outside_{};
#else
  // swapcontext asks the kernel for the signal mask each time, which takes longer than most of what
  // a thread does between two barriers; AddressSanitizer clears what it knows of the whole stack
  // then, and asks the kernel in longjmp.
  using Jump = void* [5];
  __attribute__((noinline)) void switch_inside() {
    if (__builtin_setjmp(outside_jump_)) return;
    if (std::exchange(is_new_, false)) setcontext(&inside_);
    jump(inside_jump_);
  }
  __attribute__((noinline)) void switch_outside() {
    if (!__builtin_setjmp(inside_jump_)) jump(outside_jump_);
  }
  __attribute__((noinline, no_sanitize("address", "undefined"))) static void jump(Jump& to) {
    __builtin_longjmp(to, 1);
  }
  Jump inside_jump_, outside_jump_;
  bool is_new_ = true;
#endif
  char* stack() const { return memory_ + guard_bytes; }

  char* memory_;
  ucontext_t inside_{};
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

/// Fibers of a host thread that no block has now: the next one needs as many again.
class UnusedFibers {
 public:
  static Fiber* take() {
    if (all().empty()) return new Fiber;
    Fiber* const fiber = all().back().release();
    all().pop_back();
    return fiber;
  }
  static void give(Fiber* fiber) { all().emplace_back(fiber); }

 private:
  static std::vector<std::unique_ptr<Fiber>>& all() {
    static thread_local std::vector<std::unique_ptr<Fiber>> fibers;
    return fibers;
  }
};

}  // namespace vcell_emulation
