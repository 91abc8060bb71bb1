#pragma once

#include "vcell/kernels/device/reduce.cuh"
#include "vcell/tensor/scratch.hpp"

VCELL_BEGIN_NAMESPACE
namespace device {
namespace detail {

constexpr unsigned sum_threads = 256;

/// A block a piece. The only one, where there is one, finishes at once.
template <class F, class... P>
VCELL_KERNEL void sum_pieces(F f, size_t n, size_t piece, double* sums, P... pointers) {
  const size_t begin = blockIdx.x * piece, end = begin + piece < n ? begin + piece : n;
  constexpr unsigned lanes = 4;  // sums of a thread, so that it waits for no element alone
  double lane[lanes] = {};
  size_t i = begin + threadIdx.x;
  for (; i + (lanes - 1) * sum_threads < end; i += lanes * sum_threads)
    for (unsigned k = 0; k < lanes; ++k) lane[k] += f.term(i + k * sum_threads, pointers...);
  for (; i < end; i += sum_threads) lane[0] += f.term(i, pointers...);
  const double sum =
      block_reduce<sum_threads>((lane[0] + lane[1]) + (lane[2] + lane[3]), device::Sum{});
  if (gridDim.x == 1)
    f.finish(sum, pointers...);
  else if (threadIdx.x == 0)
    sums[blockIdx.x] = sum;
}

template <class F, class... P>
VCELL_KERNEL void sum_of_pieces(F f, size_t pieces, const double* sums, P... pointers) {
  double sum = 0;
  for (size_t i = threadIdx.x; i < pieces; i += sum_threads) sum += sums[i];
  f.finish(block_reduce<sum_threads>(sum, device::Sum{}), pointers...);
}

}  // namespace detail

/// The sum of f.term(0, pointers...) ... f.term(n - 1, pointers...) in double, by the whole device:
/// pieces of one size that depends on n alone, then the pieces in a fixed order, so the same bytes
/// every time. Then f.finish(sum, pointers...) is called by all threads of one block (sum_threads
/// of them), each with the same sum; thread 0 writes.
///
/// f is a small object without pointers: what it reads and writes is handed to the kernels as
/// pointers of their own.
///
///     struct MeanOf {
///       size_t n;
///       template <class T>
///       __device__ double term(size_t i, const T* x, T*) const { return x[i]; }
///       template <class T>
///       __device__ void finish(double sum, const T*, T* mean) const {
///         if (threadIdx.x == 0) *mean = T(sum / n);
///       }
///     };
///     SumInPieces::run(context, n, scratch, MeanOf{n}, x.data, mean.data);
struct SumInPieces {
  static constexpr unsigned threads = detail::sum_threads;  ///< of the block that finishes

  /// Bytes of scratch memory that run takes.
  static size_t bytes(size_t n) { return scratch_bytes<double>(pieces(n)); }

  template <class F, class... P>
  static kernel::Status run(const Context<Cuda>& context, size_t n, Scratch<Cuda> scratch, F f,
                            P*... pointers) {
    const size_t count = pieces(n);
    const dim3 block{threads};
    void (*const first)(F, size_t, size_t, double*, P*...) = detail::sum_pieces;
    const kernel::Status started =
        launch(context, first, dim3{unsigned(count)}, block, f, n, piece(n),
               reinterpret_cast<double*>(scratch.data), pointers...);
    if (count == 1 || !started.ok()) return started;
    void (*const last)(F, size_t, const double*, P*...) = detail::sum_of_pieces;
    return launch(context, last, dim3{1}, block, f, count,
                  reinterpret_cast<const double*>(scratch.data), pointers...);
  }

 private:
  static constexpr size_t smallest = size_t(1) << 12, most = size_t(1) << 10;
  /// Elements of a piece: enough that there are at most so many pieces, one wave of blocks.
  static size_t piece(size_t n) {
    const size_t wanted = (n + most - 1) / most;
    return wanted > smallest ? (wanted + threads - 1) / threads * threads : smallest;
  }
  /// At least 1, so that a sum of nothing is finished too.
  static size_t pieces(size_t n) { return n ? (n + piece(n) - 1) / piece(n) : 1; }
};

}  // namespace device
VCELL_END_NAMESPACE
