// What device code calls: qualifiers, barriers, shuffles, shared memory.
#pragma once

#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "cuda/emulation/block.hpp"

#define __global__
#define __device__
#define __host__
#define VCELL_UNROLL
#define __launch_bounds__(...)

namespace vcell_emulation {

/// Stands for an array in shared memory and watches every access.
template <class T>
class SharedArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  SharedArray(const void* declaration, size_t count, const char* name)
      : storage_(&Block::current().shared(declaration, count, sizeof(T))), name_(name) {}

  class Element {
   public:
    Element(const SharedArray& array, size_t i) : array_(array), i_(i) {}
    Element(const Element&) = default;
    operator T() const {
      T value;
      std::memcpy(&value, array_.at(i_, false), sizeof(T));
      return value;
    }
    const Element& operator=(T value) const {
      std::memcpy(array_.at(i_, true), &value, sizeof(T));
      return *this;
    }
    const Element& operator=(const Element& other) const { return *this = T(other); }
    Element& operator=(const Element& other) {
      std::as_const(*this) = T(other);
      return *this;
    }
    const Element& operator+=(T value) const { return *this = T(*this) + value; }

   private:
    const SharedArray& array_;
    size_t i_;
  };
  Element operator[](size_t i) const { return {*this, i}; }
  /// What cp.async does, in pieces of so many bytes.
  template <unsigned piece>
  void begin_copy(size_t i, const void* from, unsigned bytes) const {
    if (bytes > sizeof(T)) throw Failure("emulation: an asynchronous copy longer than its element");
    if (bytes && reinterpret_cast<uintptr_t>(from) % piece)
      throw Failure("emulation: an asynchronous copy from where its pieces are not aligned");
    Block::current().begin_copy(*storage_, i, sizeof(T), from, bytes, name_);
  }

 private:
  unsigned char* at(size_t i, bool write) const {
    Block::current().note_access(*storage_, i, write, name_);
    return storage_->bytes.data() + i * sizeof(T);
  }
  SharedStorage* storage_;
  const char* name_;
};

template <class T>
T shuffle(const char* name, unsigned mask, T value, int source) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8);
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  const uint64_t got =
      Block::current().exchange(name, mask, std::bit_cast<Bits>(value), source, false);
  return std::bit_cast<T>(Bits(got));
}

inline int lane() {
  return int((threadIdx.x + blockDim.x * (threadIdx.y + size_t(blockDim.y) * threadIdx.z)) % 32);
}

}  // namespace vcell_emulation

#define VCELL_SHARED(T, name, count)        \
  static const char name##_declaration = 0; \
  const vcell_emulation::SharedArray<T> name(&name##_declaration, count, #name)

inline void __syncthreads() { vcell_emulation::Block::current().sync(); }
inline void __syncwarp(unsigned mask = ~0u) {
  vcell_emulation::Block::current().exchange("__syncwarp", mask, 0, vcell_emulation::lane(), true);
}
template <class T>
T __shfl_sync(unsigned mask, T value, int source) {
  return vcell_emulation::shuffle("__shfl_sync", mask, value, source & 31);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits) {
  return vcell_emulation::shuffle("__shfl_xor_sync", mask, value, vcell_emulation::lane() ^ bits);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, int distance) {
  const int lane = vcell_emulation::lane(), source = lane + distance;
  return vcell_emulation::shuffle("__shfl_down_sync", mask, value, source < 32 ? source : lane);
}
/// On global memory: nothing comes between, as one thread runs at a time.
inline unsigned long long atomicAdd(unsigned long long* to, unsigned long long value) {
  return std::exchange(*to, *to + value);
}
inline unsigned atomicOr(unsigned* to, unsigned value) { return std::exchange(*to, *to | value); }
/// The number of the lowest bit that is set, from 1 on; 0 where none is.
inline int __ffs(int x) { return x ? std::countr_zero(unsigned(x)) + 1 : 0; }
/// The lanes whose value is the same as the caller's. Of whole warps: a lane that stays away is
/// told.
template <class T>
unsigned __match_any_sync(unsigned, T value) {
  struct Lane {
    T value;
    unsigned same = 0;
  } mine{value};
  auto& block = vcell_emulation::Block::current();
  block.together("__match_any_sync", &mine, [](const std::array<void*, 32>& lanes) {
    for (void* of : lanes)
      for (unsigned l = 0; l < 32; ++l)
        if (static_cast<Lane*>(of)->value == static_cast<const Lane*>(lanes[l])->value)
          static_cast<Lane*>(of)->same |= 1u << l;
  });
  return mine.same;
}
