#pragma once

// Of CUB, which comes with the CUDA Toolkit, the segmented radix sort alone. A file that calls it
// is compiled by nvcc 13 in 8 seconds for one architecture, an empty one in 1, so this header is no
// part of vcell/cuda.cuh.
#include <algorithm>
#include <array>
#include <bit>
#include <cub/device/device_segmented_radix_sort.cuh>

#include "vcell/kernels/device/each.cuh"
#include "vcell/kernels/device/reduce.cuh"
#include "vcell/kernels/device/scan.cuh"
#include "vcell/kernels/rank_sum.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

constexpr unsigned rank_sum_threads = 256;

/// Sums that begin at 0.
template <class = void>
VCELL_KERNEL void rank_sum_clear(size_t n, unsigned long long* twice_u, unsigned long long* added,
                                 unsigned long long* cells) {
  device::for_each(n, [=](size_t i) { twice_u[i] = added[i] = cells[i] = 0; });
}

/// The first place of begin .. end - 1 whose key is not below this one.
template <class = void>
__device__ int64_t lower_key(const uint64_t* keys, int64_t begin, int64_t end, uint64_t key) {
  while (begin < end) {
    const int64_t middle = begin + (end - begin) / 2;
    if (keys[middle] < key)
      begin = middle + 1;
    else
      end = middle;
  }
  return begin;
}

/// What the values other than 0 add, a block for each gene. The first key of every run of equal
/// ones speaks for all of it. Sums are of whole numbers, so their order has no effect.
template <class = void>
VCELL_KERNEL void rank_sum_runs(const uint64_t* keys,         // (n) sorted within each gene
                                const int64_t* offsets,       // (genes + 1)
                                unsigned long long* twice_u,  // (genes, groups)
                                unsigned long long* added,    // (genes, groups) to reference_ties
                                unsigned long long* cells,    // (genes, groups) other than 0; those
                                                              // above 0 in the upper half
                                unsigned long long* reference_ties,  // (genes)
                                size_t genes, size_t groups, uint32_t reference) {
  const uint32_t zero = ordered_key(0.0f);
  for (size_t k = blockIdx.x; k < genes; k += gridDim.x) {
    const int64_t begin = offsets[k], end = offsets[k + 1];
    uint64_t references = 0, own_ties = 0;
    for (int64_t from = begin; from < end; from += rank_sum_threads) {
      const int64_t i = from + threadIdx.x;
      const uint64_t key = i < end ? keys[i] : 0;
      const auto group = uint32_t(key), value = uint32_t(key >> 32);
      const auto [before, total] =
          device::block_scan<rank_sum_threads>(i < end && group == reference ? 1u : 0u);
      if (i < end && (i == begin || keys[i - 1] != key)) {
        int64_t next = i + 1;  // after the run: looked for near by, as most are short
        if (next < end && keys[next] == key) next = lower_key(keys, next, end, key + 1);
        const auto c = uint64_t(next - i);
        const size_t at = k * groups + group;
        atomicAdd(&cells[at], static_cast<unsigned long long>(value > zero ? c << 32 | c : c));
        if (group == reference) {
          own_ties += tie_term(c);
        } else {
          uint64_t r = 0;  // the reference's cells in this block of equal values
          const uint64_t wanted = uint64_t(value) << 32 | reference;
          const bool is_before = reference < group;
          const bool is_alone = is_before ? i == begin || keys[i - 1] >> 32 != value
                                          : next == end || keys[next] >> 32 != value;
          if (!is_alone) {
            const int64_t low = is_before ? begin : next, high = is_before ? i : end;
            const int64_t first = lower_key(keys, low, high, wanted);
            r = uint64_t(lower_key(keys, first, high, wanted + 1) - first);
          }
          const uint64_t below = references + before - (is_before ? r : 0);
          atomicAdd(&twice_u[at], static_cast<unsigned long long>(c * (2 * below + r)));
          if (const uint64_t more = added_tie_term(r, c))
            atomicAdd(&added[at], static_cast<unsigned long long>(more));
        }
      }
      references += total;
    }
    own_ties = device::block_reduce<rank_sum_threads>(own_ties, device::Sum{});
    if (threadIdx.x == 0) reference_ties[k] = own_ties;
  }
}

/// What the zeros add.
template <class = void>
VCELL_KERNEL void rank_sum_zeros(const uint32_t* sizes,                     // (groups)
                                 const unsigned long long* added,           // (genes, groups)
                                 const unsigned long long* cells,           // (genes, groups)
                                 const unsigned long long* reference_ties,  // (genes)
                                 unsigned long long* twice_u,               // (genes, groups)
                                 double* ties,                              // (genes, groups)
                                 size_t genes, size_t groups, uint32_t reference) {
  device::for_each(genes * groups, [=](size_t i) {
    const size_t k = i / groups, g = i % groups;
    const uint64_t own = cells[k * groups + reference];
    const uint64_t below = (own & 0xffffffffu) - (own >> 32),
                   r = sizes[reference] - (own & 0xffffffffu);
    const uint64_t shared = reference_ties[k] + tie_term(r);
    if (g == reference) {
      ties[i] = double(shared);
      return;
    }
    const uint64_t above = cells[i] >> 32, c = sizes[g] - (cells[i] & 0xffffffffu);
    twice_u[i] += 2 * r * above + c * (2 * below + r);
    ties[i] = double(shared + added[i] + added_tie_term(r, c));
  });
}

}  // namespace detail

/// Keys are sorted by group and then, keeping that order, by value: as many passes of a radix sort
/// as the bits of both need.
template <>
struct RankSum<Cuda> {
  static size_t run_scratch(const Context<Cuda>& context, View<const uint64_t, 1, Cuda> keys,
                            View<const int64_t, 1, Cuda> offsets,
                            View<const uint32_t, 1, Cuda> sizes, size_t,
                            View<uint64_t, 2, Cuda> twice_u, View<double, 2, Cuda>) {
    Room room(twice_u.shape, keys.count());
    // What CUB needs may depend on the device; a failure shows where it sorts.
    const vcell::detail::OnCudaDevice there(context.device());
    for (const Bits& bits : passes(sizes.count())) {
      size_t bytes = 0;
      if (sort(context, bits, nullptr, bytes, keys.data, nullptr, keys.count(), offsets) ==
          cudaSuccess)
        room.temporary = std::max(room.temporary, bytes);
    }
    return room.bytes();
  }
  static Status run(const Context<Cuda>& context, View<const uint64_t, 1, Cuda> keys,  // (n)
                    View<const int64_t, 1, Cuda> offsets,               // (genes + 1)
                    View<const uint32_t, 1, Cuda> sizes,                // (groups) cells
                    size_t reference, View<uint64_t, 2, Cuda> twice_u,  // (genes, groups)
                    View<double, 2, Cuda> ties,                         // (genes, groups)
                    Scratch<Cuda> scratch) {
    const size_t genes = twice_u.shape[0], groups = twice_u.shape[1], n = genes * groups;
    if (n == 0) return {};
    const Room room(twice_u.shape, keys.count());
    using Sum = unsigned long long;
    static_assert(sizeof(Sum) == sizeof(uint64_t));
    Sum* added = take_scratch<Sum>(scratch, n).data;
    Sum* cells = take_scratch<Sum>(scratch, n).data;
    Sum* reference_ties = take_scratch<Sum>(scratch, genes).data;
    uint64_t* sorted[2] = {take_scratch<uint64_t>(scratch, keys.count()).data,
                           take_scratch<uint64_t>(scratch, keys.count()).data};
    const uint64_t* from = keys.data;
    if (keys.count()) {
      const vcell::detail::OnCudaDevice there(context.device());
      if (there.error() != cudaSuccess) return {cudaGetErrorString(there.error())};
      size_t pass = 0, bytes = scratch.count();
      for (const Bits& bits : passes(groups)) {
        const cudaError_t error =
            sort(context, bits, scratch.data, bytes, from, sorted[pass], keys.count(), offsets);
        if (error != cudaSuccess) return {cudaGetErrorString(error)};
        from = sorted[pass++];
      }
    }
    const auto sums = reinterpret_cast<Sum*>(twice_u.data);
    const dim3 each{device::each_threads};
    const Status cleared = device::launch(context, detail::rank_sum_clear<>,
                                          device::grid_for_each(n), each, n, sums, added, cells);
    if (!cleared.ok()) return cleared;
    const Status ran = device::launch(context, detail::rank_sum_runs<>, device::grid_for(genes),
                                      dim3{detail::rank_sum_threads}, from, offsets.data, sums,
                                      added, cells, reference_ties, genes, groups, reference);
    if (!ran.ok()) return ran;
    return device::launch(context, detail::rank_sum_zeros<>, device::grid_for_each(n), each,
                          sizes.data, added, cells, reference_ties, sums, ties.data, genes, groups,
                          reference);
  }

 private:
  /// Bits that a sort looks at.
  struct Bits {
    int begin, end;
  };
  static std::array<Bits, 2> passes(size_t groups) {
    return {Bits{0, std::max(1, int(std::bit_width(groups - (groups > 0))))}, Bits{32, 64}};
  }
  struct Room {
    size_t sums, genes, keys, temporary = 1;
    Room(const Shape<2>& shape, size_t n) : sums(shape[0] * shape[1]), genes(shape[0]), keys(n) {}
    size_t bytes() const {
      return 2 * scratch_bytes<uint64_t>(sums) + scratch_bytes<uint64_t>(genes) +
             2 * scratch_bytes<uint64_t>(keys) + scratch_bytes<std::byte>(temporary);
    }
  };
  static cudaError_t sort(const Context<Cuda>& context, const Bits& bits, void* temporary,
                          size_t& bytes, const uint64_t* from, uint64_t* to, size_t n,
                          View<const int64_t, 1, Cuda> offsets) {
    return cub::DeviceSegmentedRadixSort::SortKeys(
        temporary, bytes, from, to, int(n), int(offsets.count() - 1), offsets.data,
        offsets.data + 1, bits.begin, bits.end, context.stream());
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
