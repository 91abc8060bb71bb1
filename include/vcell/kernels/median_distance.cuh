#pragma once

#include <bit>

#include "vcell/kernels/device/each.cuh"
#include "vcell/kernels/device/pair_squares.cuh"
#include "vcell/kernels/median_distance.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

/// Of every pair of tiles the squared distances of its pairs of cells, a block each; 0 for what is
/// no pair of two cells, or one that another place has.
template <bool on_tensor_cores, class T>
VCELL_KERNEL_FOR(device::tile_threads, sizeof(T) > 4 ? 2 : 3)
void median_squares(device::SetPairs shape,
                    const T* x,                // (B, S, D)
                    const T* y,                // (B, T, D)
                    const int32_t* x_lengths,  // (B) or null
                    const int32_t* y_lengths,  // (B) or null
                    T* squares) {              // (B, pairs of tiles, 64, 64)
  constexpr unsigned side = device::tile_side;
  const device::SetCells<T> cells{x, y, x_lengths, y_lengths, shape};
  VCELL_SHARED(device::Four<T>, memory, device::point_tile_memory<T>);
  const size_t pairs = shape.tile_pairs();
  for (size_t piece = blockIdx.x; piece < shape.sets * pairs; piece += gridDim.x) {
    const size_t set = piece / pairs;
    const device::TilePair pair(piece % pairs);
    const bool same = pair.row == pair.column;
    T* const to = squares + piece * side * side;
    const unsigned rows = unsigned(cells.tile(set, pair.row).points.rows),
                   columns = unsigned(cells.tile(set, pair.column).points.rows);
    for (unsigned e = threadIdx.x; e < side * side; e += device::tile_threads)
      if (e / side >= rows || e % side >= columns) to[e] = 0;
    device::for_pair_squares<on_tensor_cores>(cells, set, pair, memory,
                                              [&](unsigned i, unsigned j, T square, bool) {
                                                to[i * side + j] = same && j >= i ? T(0) : square;
                                              });
  }
}

/// What is known of the median before a pass: its bits above those of the pass, and how many of the
/// numbers that share them are below it. Positive numbers have the order of their bits.
struct MedianPrefix {
  uint64_t bits, rank;
};

constexpr unsigned median_threads = 128;
constexpr unsigned median_digit = 4,
                   median_digits = 1 << median_digit;  // bits a pass, their values

/// Where the median is, from the counts of the last pass. Called by all threads of a block; ends
/// with a barrier.
/// @param counts  (blocks, digits) of the last pass: numbers that share the prefix, by what follows
/// @return the prefix with one digit more; rank ~0 where there is no number
__device__ inline MedianPrefix next_prefix(MedianPrefix before, bool is_first,
                                           const uint64_t* counts, size_t blocks) {
  VCELL_SHARED(uint64_t, parts, median_threads);
  uint64_t sum = 0;
  for (size_t b = threadIdx.x / median_digits; b < blocks; b += median_threads / median_digits)
    sum += counts[b * median_digits + threadIdx.x % median_digits];
  parts[threadIdx.x] = sum;
  __syncthreads();
  uint64_t totals[median_digits], all = 0;
  VCELL_UNROLL
  for (unsigned d = 0; d < median_digits; ++d) {
    totals[d] = 0;
    for (unsigned k = d; k < median_threads; k += median_digits) totals[d] += parts[k];
    all += totals[d];
  }
  __syncthreads();
  if (all == 0) return {0, ~uint64_t(0)};
  uint64_t rank = is_first ? (all - 1) / 2 : before.rank, digit = 0;
  bool found = false;
  VCELL_UNROLL
  for (unsigned d = 0; d < median_digits; ++d) {
    if (found) continue;
    found = rank < totals[d];
    if (found)
      digit = d;
    else
      rank -= totals[d];
  }
  return {before.bits << median_digit | digit, rank};
}

template <class T>
using MedianBits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
template <class T>
constexpr unsigned median_passes = sizeof(T) * 8 / median_digit;

/// Counts, by the digit of a pass, the numbers above 0 that share the median's digits before it.
template <class T>
VCELL_KERNEL void median_count(unsigned pass, size_t n,
                               const T* squares,             // (n)
                               const uint64_t* last_counts,  // (blocks, digits) of the pass before
                               MedianPrefix* prefixes,  // (passes), those before this one known
                               uint64_t* counts) {      // (blocks, digits)
  VCELL_SHARED(uint64_t, found, median_digits * median_threads);
  MedianPrefix prefix{0, 0};
  if (pass > 0)
    prefix = next_prefix(pass > 1 ? prefixes[pass - 1] : prefix, pass == 1, last_counts, gridDim.x);
  if (blockIdx.x == 0 && threadIdx.x == 0) prefixes[pass] = prefix;
  const unsigned shift = unsigned(sizeof(T) * 8) - median_digit * (pass + 1);
  uint32_t mine[median_digits] = {};
  const size_t step = size_t(gridDim.x) * median_threads;
  for (size_t i = size_t(blockIdx.x) * median_threads + threadIdx.x; i < n; i += step) {
    const T square = squares[i];
    if (!(square > 0)) continue;
    const auto bits = uint64_t(std::bit_cast<MedianBits<T>>(square)) >> shift;
    if (bits >> median_digit != prefix.bits) continue;
    const unsigned digit = unsigned(bits) % median_digits;
    VCELL_UNROLL
    for (unsigned d = 0; d < median_digits; ++d) mine[d] += digit == d;
  }
  VCELL_UNROLL
  for (unsigned d = 0; d < median_digits; ++d) found[d * median_threads + threadIdx.x] = mine[d];
  __syncthreads();
  if (threadIdx.x >= median_digits) return;
  uint64_t sum = 0;
  for (unsigned k = 0; k < median_threads; ++k) sum += found[threadIdx.x * median_threads + k];
  counts[blockIdx.x * median_digits + threadIdx.x] = sum;
}

/// sigmas[k] *= the root of the median, one block.
template <class T>
VCELL_KERNEL void median_scale(const uint64_t* counts,        // (blocks, digits) of the last pass
                               const MedianPrefix* prefixes,  // (passes)
                               size_t blocks, T* sigmas,      // (K)
                               size_t sigma_count) {
  const MedianPrefix median = next_prefix(prefixes[median_passes<T> - 1], false, counts, blocks);
  if (median.rank == ~uint64_t(0)) return;
  const T root = std::sqrt(std::bit_cast<T>(MedianBits<T>(median.bits)));
  for (size_t k = threadIdx.x; k < sigma_count; k += median_threads) sigmas[k] *= root;
}

}  // namespace detail

/// The squares are kept, tile by tile, and the median is found digit by digit: a launch for each 4
/// bits, with the counts of all blocks. Precision as for SetDiscrepancy.
template <>
struct MedianDistance<Cuda> {
  template <class T>
  static size_t run_scratch(const Context<Cuda>&, View<const T, 3, Cuda> x,
                            View<const T, 3, Cuda> y, const SetLengths<Cuda>&, View<T, 1, Cuda>) {
    const size_t n = numbers(x.shape, y.shape);
    return scratch_bytes<T>(n) + 2 * scratch_bytes<uint64_t>(blocks(n) * detail::median_digits) +
           scratch_bytes<detail::MedianPrefix>(detail::median_passes<T>);
  }
  template <class T>
  static Status run(const Context<Cuda>& context, View<const T, 3, Cuda> x,    // (B, S, D)
                    View<const T, 3, Cuda> y,                                  // (B, T, D)
                    const SetLengths<Cuda>& lengths, View<T, 1, Cuda> sigmas,  // (K)
                    Scratch<Cuda> scratch) {
    const size_t n = numbers(x.shape, y.shape), parts = blocks(n);
    if (n == 0) return {};
    T* const squares = take_scratch<T>(scratch, n).data;
    uint64_t* counts[2];
    for (auto& c : counts) c = take_scratch<uint64_t>(scratch, parts * detail::median_digits).data;
    auto* const prefixes =
        take_scratch<detail::MedianPrefix>(scratch, detail::median_passes<T>).data;
    const device::SetPairs shape{x.shape[0], x.shape[1], y.shape[1], x.shape[2]};
    auto* find_squares = detail::median_squares<false, T>;
    if constexpr (std::is_same_v<T, float>)  // which alone tensor cores have
      if (context.precision() != Precision::float32) find_squares = detail::median_squares<true, T>;
    Status status = device::launch(
        context, find_squares, device::grid_for(shape.sets * shape.tile_pairs()),
        dim3{device::tile_threads}, shape, x.data, y.data, lengths.x.data, lengths.y.data, squares);
    const dim3 grid = device::grid_for(parts), threads{detail::median_threads};
    for (unsigned pass = 0; pass < detail::median_passes<T> && status.ok(); ++pass)
      status = device::launch(context, detail::median_count<T>, grid, threads, pass, n, squares,
                              counts[(pass + 1) % 2], prefixes, counts[pass % 2]);
    if (!status.ok()) return status;
    return device::launch(context, detail::median_scale<T>, dim3{1}, threads,
                          counts[(detail::median_passes<T> - 1) % 2], prefixes, parts, sigmas.data,
                          sigmas.count());
  }

 private:
  static size_t numbers(const Shape<3>& x, const Shape<3>& y) {
    return x[0] * device::SetPairs{x[0], x[1], y[1], x[2]}.tile_pairs() * device::tile_side *
           device::tile_side;
  }
  /// Blocks that count: some numbers for each thread.
  static size_t blocks(size_t n) {
    const size_t wanted = n / (32 * detail::median_threads);
    return wanted < 1 ? 1 : wanted < 512 ? wanted : 512;
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
