#pragma once

#include <cstddef>

#include "vcell/tensor/buffer.hpp"
#include "vcell/tensor/view.hpp"

VCELL_BEGIN_NAMESPACE

/// Working memory that a kernel is given. Kernels say how much they need and allocate nothing.
template <class Device = Cpu>
using Scratch = View<std::byte, 1, Device>;

/// Bytes that an array takes in scratch memory: whole cache lines, so that the next one is aligned.
template <class T>
constexpr size_t scratch_bytes(size_t count) {
  return (count * sizeof(T) + 63) / 64 * 64;
}

/// Cuts an array off the front of scratch memory. Not initialised.
template <class T, class Device>
View<T, 1, Device> take_scratch(Scratch<Device>& rest, size_t count) {
  const View<T, 1, Device> part{reinterpret_cast<T*>(rest.data), {count}};
  rest.data += scratch_bytes<T>(count);
  rest.shape[0] -= scratch_bytes<T>(count);
  return part;
}

/// An array for every thread of a context's pool, out of scratch memory.
template <class T>
class ThreadScratch {
 public:
  /// What it takes off the scratch memory.
  static size_t bytes(const Context<Cpu>& context, size_t count) {
    return size_t(context.pool().size()) * scratch_bytes<T>(count);
  }
  /// @param count  elements of each thread's array
  ThreadScratch(const Context<Cpu>& context, Scratch<>& rest, size_t count)
      : pool_(&context.pool()),
        stride_(scratch_bytes<T>(count)),
        first_(take_scratch<std::byte>(rest, bytes(context, count)).data) {}

  /// The array of the thread that calls, 64-byte aligned for every thread alike: products may take
  /// another path, with other bytes, where the alignment is another.
  T* mine() const { return reinterpret_cast<T*>(first_ + thread_index(*pool_) * stride_); }

 private:
  const ThreadPool* pool_;
  size_t stride_;
  std::byte* first_;
};

VCELL_END_NAMESPACE
