#pragma once

#include <cmath>
#include <type_traits>

#include "vcell/kernels/device/each.cuh"
#include "vcell/kernels/device/reduce.cuh"

VCELL_BEGIN_NAMESPACE
namespace device {

/// Threads of a block whose kernel works on rows.
constexpr unsigned row_threads = 128;

/// Columns up to which a row is a warp's; a wider one is a whole block's.
constexpr size_t warp_row_columns = 256;

/// Blocks for so many rows.
inline dim3 grid_for_rows(size_t rows, size_t columns) {
  constexpr size_t warps = row_threads / warp_size;
  return grid_for(columns > warp_row_columns ? rows : rows / warps + (rows % warps != 0));
}

/// Calls f(threads): how many threads share a row, as a std::integral_constant, so that kernels for
/// warps and for blocks are chosen on the host.
template <class F>
auto with_row_threads(size_t columns, F f) {
  return columns > warp_row_columns ? f(std::integral_constant<unsigned, row_threads>())
                                    : f(std::integral_constant<unsigned, warp_size>());
}

/// Calls f(row) for every row, by the threads that share it. All columns of a row may be combined
/// with reduce_row inside of f.
/// @tparam threads  that share a row: a warp's, or row_threads
template <unsigned threads, class F>
__device__ void for_each_row(size_t rows, F f) {
  static_assert(threads == warp_size || threads == row_threads);
  constexpr size_t at_a_time = row_threads / threads;
  const size_t first = size_t(blockIdx.x) * at_a_time + threadIdx.x / threads;
  for (size_t row = first; row < rows; row += size_t(gridDim.x) * at_a_time) f(row);
}

/// Calls f(column) for the columns of a row, each in one of its threads, the same one every time.
template <unsigned threads, class F>
__device__ void for_each_column(size_t columns, F f) {
  for (size_t j = threadIdx.x % threads; j < columns; j += threads) f(j);
}

/// initial and term(j) of all columns j, combined in an order that depends on their number alone;
/// the same in every thread of the row.
template <unsigned threads, class T, class Term, class Combine>
__device__ T reduce_row(size_t columns, T initial, Term term, Combine combine) {
  for_each_column<threads>(columns, [&](size_t j) { initial = combine(initial, term(j)); });
  if constexpr (threads == warp_size)
    return warp_reduce(initial, combine);
  else
    return block_reduce<threads>(initial, combine);
}

/// The sum of term(j) of all columns.
template <unsigned threads, class T, class Term>
__device__ T sum_row(size_t columns, Term term) {
  return reduce_row<threads>(columns, T(0), term, Sum{});
}

/// The largest term(j), -infinity where there is none; what is not a number is passed over.
template <unsigned threads, class T, class Term>
__device__ T max_row(size_t columns, Term term) {
  return reduce_row<threads>(columns, T(-INFINITY), term, Max{});
}

}  // namespace device
VCELL_END_NAMESPACE
