#pragma once

#include <algorithm>
#include <cstdint>

#include "vcell/kernels/ordered_key.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/kernels/tie_terms.hpp"
#include "vcell/tensor/context.hpp"
#include "vcell/tensor/scratch.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// Mann-Whitney's U of every group of cells against one of them, the reference, for all genes of a
/// panel. Each group is compared with the reference alone, as if the others were absent. Every
/// device fulfils this contract:
///
///   twice_u[k, g] = sum_i (2 #{r : x_r < x_i} + #{r : x_r = x_i}),  i of group g, r of the
///   reference ties[k, g]    = sum of t^3 - t over the blocks of t equal values among both
///
/// and of the reference itself 0 and the ties among its own cells. Values of gene k other than 0
/// are the keys offsets[k] .. offsets[k + 1] - 1, in any order: ordered_key of the value in the
/// upper half, the group in the lower one. All other cells of a group have the value 0.
///
/// There are fewer than 2^31 keys, and a group and the reference have at most 2,642,245 cells
/// together, whose third power is below 2^64 (the caller checks both). The ties are found as whole
/// numbers and then rounded to double.
template <class Device>
struct RankSum : Missing<Device> {};

template <>
struct RankSum<Cpu> {
  static size_t run_scratch(const Context<Cpu>& context, View<const uint64_t, 1> keys,
                            View<const int64_t, 1>, View<const uint32_t, 1> sizes, size_t,
                            View<uint64_t, 2>, View<double, 2>) {
    return scratch_bytes<uint64_t>(keys.count()) +
           ThreadScratch<uint64_t>::bytes(context, 2 * sizes.count());
  }
  static Status run(const Context<Cpu>& context, View<const uint64_t, 1> keys,  // (n)
                    View<const int64_t, 1> offsets,                             // (genes + 1)
                    View<const uint32_t, 1> sizes,                              // (groups) cells
                    size_t reference, View<uint64_t, 2> twice_u,                // (genes, groups)
                    View<double, 2> ties,                                       // (genes, groups)
                    Scratch<> scratch) {
    const size_t groups = sizes.count();
    uint64_t* copy = take_scratch<uint64_t>(scratch, keys.count()).data;
    const ThreadScratch<uint64_t> memory(context, scratch, 2 * groups);
    parallel_for(context, twice_u.shape[0], 1, [&](size_t begin, size_t end) {
      uint64_t *zeros = memory.mine(), *added = zeros + groups;
      for (size_t k = begin; k < end; ++k) {
        const auto first = size_t(offsets[k]), last = size_t(offsets[k + 1]);
        std::copy(keys.data + first, keys.data + last, copy + first);
        std::sort(copy + first, copy + last);
        for (size_t g = 0; g < groups; ++g) zeros[g] = sizes[g];
        for (size_t i = first; i < last; ++i) --zeros[uint32_t(copy[i])];
        std::fill_n(added, groups, uint64_t(0));
        std::fill_n(twice_u[k].data, groups, uint64_t(0));
        uint64_t below = 0, own_ties = 0;  // of the reference
        const auto add = [&](size_t g, uint64_t cells, uint64_t references) {
          if (g == reference) return;
          twice_u(k, g) += cells * (2 * below + references);
          added[g] += added_tie_term(references, cells);
        };
        const auto end_block = [&](uint64_t references) {
          own_ties += tie_term(references);
          below += references;
        };
        const uint64_t zero = uint64_t(ordered_key(0.0f)) << 32;
        const auto sweep = [&](size_t i, size_t to) {
          while (i < to) {
            const auto is_same = [&](size_t j) { return j < to && copy[j] >> 32 == copy[i] >> 32; };
            uint64_t references = 0;
            size_t stop = i;
            for (; is_same(stop); ++stop) references += uint32_t(copy[stop]) == reference;
            for (size_t run; i < stop; i = run) {
              for (run = i; run < stop && copy[run] == copy[i]; ++run) continue;
              add(uint32_t(copy[i]), run - i, references);
            }
            end_block(references);
          }
        };
        const auto middle = size_t(std::lower_bound(copy + first, copy + last, zero) - copy);
        sweep(first, middle);
        for (size_t g = 0; g < groups; ++g) add(g, zeros[g], zeros[reference]);
        end_block(zeros[reference]);
        sweep(middle, last);
        for (size_t g = 0; g < groups; ++g) ties(k, g) = double(own_ties + added[g]);
      }
    });
    return {};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
