#pragma once

#include "vcell/core/parallel_for.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE

/// Working memory for the pieces of a parallel_for, a part for every thread: made once before it,
/// so that what is allocated does not depend on which thread takes which piece. Not initialised.
template <class T>
class ThreadScratch {
 public:
  /// @param count  elements of each part
  /// @param pool   that runs the pieces
  explicit ThreadScratch(size_t count, const ThreadPool& pool = global_thread_pool())
      : pool_(pool),
        all_(Tensor<T, 2>::uninitialized(
            {size_t(pool.size()), (count + whole_lines - 1) / whole_lines * whole_lines})) {}

  /// The part of the thread that calls, 64-byte aligned for every thread alike: products may take
  /// another path, with other bytes, where the alignment is another.
  T* mine() { return all_[thread_index(pool_)].data; }

 private:
  static_assert(64 % sizeof(T) == 0);
  static constexpr size_t whole_lines = 64 / sizeof(T);
  const ThreadPool& pool_;
  Tensor<T, 2> all_;
};

VCELL_END_NAMESPACE
