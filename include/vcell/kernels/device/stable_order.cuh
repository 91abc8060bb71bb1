#pragma once

#include <bit>
#include <cstdint>
#include <utility>

#include "vcell/kernels/device/scan.cuh"
#include "vcell/tensor/scratch.hpp"

VCELL_BEGIN_NAMESPACE
namespace device {
namespace detail {

// A radix sort from the lowest digit up. A block has a tile of elements, a warp of it so many
// rounds of 32 elements side by side. Counters are of digits.
constexpr unsigned order_threads = 256, order_warps = order_threads / warp_size;
constexpr unsigned order_digits = 256, order_rounds = 8;
constexpr size_t order_tile = order_threads * order_rounds;

/// What a thread knows of its element in a round.
struct Ranked {
  size_t element;   ///< position in the order before
  unsigned digit;   ///< order_digits: there is no element
  unsigned before;  ///< elements of this digit that come before it in its warp
};

/// Ranks the elements of a tile within their warps and leaves how many of each digit a warp has in
/// count[warp * order_digits + digit]. Called by all threads of a block; no barrier at its end.
template <class Counters>
__device__ void rank_in_warps(const int32_t* keys, const size_t* before, size_t n, size_t tile,
                              unsigned shift, unsigned mask, Counters& count,
                              Ranked (&ranked)[order_rounds]) {
  const unsigned lane = threadIdx.x % warp_size, warp = threadIdx.x / warp_size;
  for (unsigned i = threadIdx.x; i < order_warps * order_digits; i += order_threads) count[i] = 0u;
  __syncthreads();
  for (unsigned round = 0; round < order_rounds; ++round) {
    const size_t first = tile * order_tile + (size_t(warp) * order_rounds + round) * warp_size;
    Ranked mine{0, order_digits, 0};
    if (first < n) {  // for a whole warp, which need not look at what is not there
      const size_t i = first + lane;
      if (i < n) {
        mine.element = before ? before[i] : i;
        mine.digit = uint32_t(keys[mine.element]) >> shift & mask;
      }
      const unsigned same = __match_any_sync(~0u, mine.digit);
      const unsigned lower = same & ((1u << lane) - 1), at = warp * order_digits + mine.digit;
      if (i < n) mine.before = count[at];
      __syncwarp();
      if (i < n && lower == 0) count[at] = mine.before + unsigned(std::popcount(same));
      __syncwarp();
      mine.before += unsigned(std::popcount(lower));
    }
    ranked[round] = mine;
  }
}

/// A block a tile. counts[digit * tiles + tile]
template <class = void>
VCELL_KERNEL void order_count(const int32_t* keys, const size_t* before, size_t n, unsigned shift,
                              unsigned mask, size_t* counts) {
  VCELL_SHARED(unsigned, count, order_warps* order_digits);
  Ranked ranked[order_rounds];
  rank_in_warps(keys, before, n, blockIdx.x, shift, mask, count, ranked);
  __syncthreads();
  size_t sum = 0;
  for (unsigned w = 0; w < order_warps; ++w) {
    const unsigned in_warp = count[w * order_digits + threadIdx.x];
    sum += in_warp;
  }
  if (threadIdx.x <= mask) counts[threadIdx.x * size_t(gridDim.x) + blockIdx.x] = sum;
}

/// A warp a digit: its counts become how many there are in the tiles before.
template <class = void>
VCELL_KERNEL void order_scan(size_t* counts, size_t* totals, size_t tiles, unsigned digits) {
  const unsigned digit = (blockIdx.x * order_threads + threadIdx.x) / warp_size;
  if (digit >= digits) return;  // the whole warp
  const unsigned lane = threadIdx.x % warp_size;
  size_t* mine = counts + digit * tiles;
  size_t before = 0;
  for (size_t first = 0; first < tiles; first += warp_size) {
    const size_t i = first + lane;
    const auto scan = warp_scan(i < tiles ? mine[i] : size_t(0));
    if (i < tiles) mine[i] = before + scan.before;
    before += scan.total;
  }
  if (lane == 0) totals[digit] = before;
}

/// A block a tile.
template <class = void>
VCELL_KERNEL void order_scatter(const int32_t* keys, const size_t* before, size_t* after, size_t n,
                                unsigned shift, unsigned mask, const size_t* counts,
                                const size_t* totals) {
  VCELL_SHARED(unsigned, count, order_warps* order_digits);
  VCELL_SHARED(size_t, start, order_digits);
  Ranked ranked[order_rounds];
  rank_in_warps(keys, before, n, blockIdx.x, shift, mask, count, ranked);
  const bool is_digit = threadIdx.x <= mask;
  const size_t smaller = block_scan<order_threads>(is_digit ? totals[threadIdx.x] : 0).before;
  start[threadIdx.x] =
      smaller + (is_digit ? counts[threadIdx.x * size_t(gridDim.x) + blockIdx.x] : 0);
  unsigned sum = 0;  // of the warps before
  for (unsigned w = 0; w < order_warps; ++w) {
    const unsigned in_warp = count[w * order_digits + threadIdx.x];
    count[w * order_digits + threadIdx.x] = sum;
    sum += in_warp;
  }
  __syncthreads();
  const unsigned warp = threadIdx.x / warp_size;
  for (const Ranked& r : ranked)
    if (r.digit != order_digits) {
      const size_t of_digit = start[r.digit];
      const unsigned of_warp = count[warp * order_digits + r.digit];
      after[of_digit + of_warp + r.before] = r.element;
    }
}

}  // namespace detail

/// The positions of keys sorted by key, equal keys in their own order: the same whatever runs
/// first. O(n) for each 8 bits that the largest key has.
struct StableOrder {
  static_assert(detail::order_threads == detail::order_digits);

  /// Bytes of scratch memory that run takes.
  /// @param limit  what every key is below
  static size_t bytes(size_t n, size_t limit) {
    if (passes(limit) == 0) return 0;
    return 2 * scratch_bytes<size_t>(n) +
           scratch_bytes<size_t>(detail::order_digits * (tiles(n) + 1));
  }

  /// @param keys     at least one, each within 0 .. limit - 1
  /// @param scratch  holds the order as long as it is used
  /// @param order    where the order is: (n), or null if it is 0, 1, 2, ...
  static kernel::Status run(const Context<Cuda>& context, const int32_t* keys, size_t n,
                            size_t limit, Scratch<Cuda> scratch, const size_t*& order) {
    order = nullptr;
    const unsigned rounds = passes(limit);
    if (rounds == 0) return {};
    size_t* after = take_scratch<size_t>(scratch, n).data;
    size_t* other = take_scratch<size_t>(scratch, n).data;
    size_t* const counts =
        take_scratch<size_t>(scratch, detail::order_digits * (tiles(n) + 1)).data;
    size_t* const totals = counts + detail::order_digits * tiles(n);
    const unsigned bits = (unsigned(std::bit_width(limit - 1)) + rounds - 1) / rounds;
    const unsigned mask = (1u << bits) - 1;
    const dim3 block{detail::order_threads}, grid{unsigned(tiles(n))};
    for (unsigned shift = 0; shift < rounds * bits; shift += bits) {
      kernel::Status status =
          launch(context, detail::order_count<>, grid, block, keys, order, n, shift, mask, counts);
      if (status.ok())
        status = launch(context, detail::order_scan<>, dim3{mask / detail::order_warps + 1}, block,
                        counts, totals, tiles(n), mask + 1);
      if (status.ok())
        status = launch(context, detail::order_scatter<>, grid, block, keys, order, after, n, shift,
                        mask, counts, totals);
      if (!status.ok()) return status;
      order = after;
      std::swap(after, other);
    }
    return {};
  }

 private:
  static unsigned passes(size_t limit) {
    return limit > 1 ? (unsigned(std::bit_width(limit - 1)) + 7) / 8 : 0;
  }
  static size_t tiles(size_t n) { return (n + detail::order_tile - 1) / detail::order_tile; }
};

}  // namespace device
VCELL_END_NAMESPACE
