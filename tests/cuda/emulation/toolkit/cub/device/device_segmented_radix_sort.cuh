// Stands in for CUB's header of this name: what kernels/rank_sum.cuh calls of it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "cuda/emulation/toolkit/cuda_runtime_api.h"

namespace cub {

struct DeviceSegmentedRadixSort {
  /// With no temporary storage: says how much is wanted, and does nothing.
  template <class Key, class Offset>
  static cudaError_t SortKeys(void* temporary, size_t& bytes, const Key* from, Key* to, int n,
                              int segments, const Offset* begins, const Offset* ends,
                              int begin_bit = 0, int end_bit = int(8 * sizeof(Key)),
                              cudaStream_t stream = nullptr) {
    const size_t wanted = 1 + size_t(n) / 2;
    if (!temporary) {
      bytes = wanted;
      return cudaSuccess;
    }
    if (bytes < wanted || begin_bit < 0 || begin_bit >= end_bit || end_bit > int(8 * sizeof(Key)))
      return cudaErrorInvalidValue;
    return vcell_emulation::with_live(
        [&](auto& device) {
          if (!vcell_emulation::is_current(stream)) return cudaErrorInvalidResourceHandle;
          const size_t count = size_t(n), parts = size_t(segments);
          if (!device.holds(temporary, wanted) || !device.holds(from, count * sizeof(Key)) ||
              !device.holds(to, count * sizeof(Key)) ||
              !device.holds(begins, parts * sizeof(Offset)) ||
              !device.holds(ends, parts * sizeof(Offset)))
            return cudaErrorInvalidValue;
          return vcell_emulation::do_or_record(stream, [=](auto& there, auto& on) {
            there.step(on);
            for (const void* read :
                 {(const void*)(from), (const void*)(begins), (const void*)(ends)})
              there.note_use(on, read, false);
            there.note_use(on, to, true);
            there.note_use(on, temporary, true);
            std::fill_n(static_cast<unsigned char*>(temporary), wanted, (unsigned char)(0xff));
            const int width = end_bit - begin_bit;
            const auto digits = [=](Key key) {
              const auto bits = uint64_t(key) >> begin_bit;
              return width == 64 ? bits : bits & ((uint64_t(1) << width) - 1);
            };
            for (size_t s = 0; s < parts; ++s) {
              std::copy(from + begins[s], from + ends[s], to + begins[s]);
              std::stable_sort(to + begins[s], to + ends[s],
                               [=](Key a, Key b) { return digits(a) < digits(b); });
            }
          });
        },
        stream);
  }
};

}  // namespace cub
