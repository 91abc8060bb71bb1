#pragma once

#include "vcell/core/device.hpp"
#include "vcell/core/parallel_for.hpp"

VCELL_BEGIN_NAMESPACE

/// Where a device's work is queued, and what the kernels there share (a stream, handles of
/// libraries): the first argument of every kernel. A context is a handle; copies are the same
/// queue.
template <class Device>
class Context;

/// The Cpu's: which threads compute. Work is done when the call that asked for it returns.
template <>
class Context<Cpu> {
 public:
  /// The pool that all of vcell shares (num_threads).
  Context() = default;
  /// A pool of the caller's own, which must outlive the context.
  explicit Context(ThreadPool& pool) : pool_(&pool) {}

  /// Another one of the same device: what is queued there goes beside what is queued here.
  Context beside() const { return *this; }
  ThreadPool& pool() const { return pool_ ? *pool_ : global_thread_pool(); }
  /// What is queued here from now on runs after what is queued there by now. The host goes on.
  void wait_for(const Context&) const {}
  /// Returns when all that was queued is done.
  void synchronize() const {}

 private:
  ThreadPool* pool_ = nullptr;
};

namespace detail {

// Global state, of each thread its own: the contexts that its operations use, one a device.
template <class Device>
const Context<Device>*& context_pointer() {
  static thread_local const Context<Device>* pointer = nullptr;
  return pointer;
}

}  // namespace detail

/// The context that operations of this thread use on a device: that of the innermost UseContext,
/// else one of the thread's own, made when it is first asked for.
template <class Device>
const Context<Device>& current_context() {
  if (const auto* context = detail::context_pointer<Device>()) return *context;
  static thread_local const Context<Device> own;
  return own;
}

/// While it lives, operations of this thread use a context of the caller's.
///
///   const Context<Cuda> loading;
///   UseContext use(loading);
template <class Device>
class UseContext {
 public:
  /// @param context  must outlive the guard
  explicit UseContext(const Context<Device>& context)
      : before_(std::exchange(detail::context_pointer<Device>(), &context)) {}
  ~UseContext() { detail::context_pointer<Device>() = before_; }
  UseContext(const UseContext&) = delete;
  UseContext& operator=(const UseContext&) = delete;

 private:
  const Context<Device>* before_;
};

/// parallel_for on the threads of a context: how kernels of the Cpu share out their work.
template <class F>
void parallel_for(const Context<Cpu>& context, size_t n, size_t grain, F&& f) {
  parallel_for(context.pool(), n, grain, f);
}

VCELL_END_NAMESPACE
