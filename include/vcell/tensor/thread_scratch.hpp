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
  explicit ThreadScratch(size_t count)
      : all_(Tensor<T, 2>::uninitialized(
            {size_t(num_threads()), (count + whole_lines - 1) / whole_lines * whole_lines})) {}

  /// The part of the thread that calls, 64-byte aligned for every thread alike: products may take
  /// another path, with other bytes, where the alignment is another.
  T* mine() { return all_[thread_index()].data; }

 private:
  static_assert(64 % sizeof(T) == 0);
  static constexpr size_t whole_lines = 64 / sizeof(T);
  Tensor<T, 2> all_;
};

VCELL_END_NAMESPACE
