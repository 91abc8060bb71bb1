#pragma once

#include <cstdint>
#include <type_traits>

#include "vcell/kernels/device/each.cuh"

VCELL_BEGIN_NAMESPACE
namespace device {

/// Numbers side by side that are read and written at once.
template <class T, unsigned width>
struct alignas(width * sizeof(T)) Pack {
  T v[width];
};

/// Numbers of a pack, known to the compiler.
template <unsigned width>
using Width = std::integral_constant<unsigned, width>;

/// Those that fill the 16 bytes which a thread can read at once.
template <class T>
constexpr unsigned full_width = 16 / sizeof(T);

template <unsigned width, class T>
__device__ Pack<T, width> load(Width<width>, const T* from) {
  return *reinterpret_cast<const Pack<T, width>*>(from);
}
template <unsigned width, class T>
__device__ void store(Width<width>, T* to, const Pack<T, width>& pack) {
  *reinterpret_cast<Pack<T, width>*>(to) = pack;
}
/// Adds or assigns, decided by the compiler.
template <bool accumulate, unsigned width, class T>
__device__ void put(Width<width> w, T* to, Pack<T, width> pack) {
  if constexpr (accumulate) {
    const Pack<T, width> before = load(w, to);
    for (unsigned k = 0; k < width; ++k) pack.v[k] = before.v[k] + pack.v[k];
  }
  store(w, to, pack);
}

/// Whether full packs may begin at all of these places.
template <class... P>
bool fit_packs(const P*... places) {
  return ((reinterpret_cast<uintptr_t>(places) % 16 == 0) && ...);
}

/// Calls f(Width<w>(), i) for packs that begin at i and together are 0 .. n - 1: whole ones, then
/// what is left one by one.
template <unsigned width, class F>
__device__ void for_each_pack(size_t n, F f) {
  for_each(n / width, [&](size_t i) { f(Width<width>(), i * width); });
  if constexpr (width > 1) {
    const size_t whole = n / width * width;
    for_each(n - whole, [&](size_t i) { f(Width<1>(), whole + i); });
  }
}

/// Blocks of each_threads for n elements in packs: a wave or two at most, so that what a thread
/// reads and works out before its first element is shared by many.
inline dim3 grid_for_each_pack(size_t n, unsigned width) {
  constexpr size_t most = 1 << 11;
  const size_t packs = n / width + (n % width != 0);
  const size_t blocks = packs / each_threads + (packs % each_threads != 0);
  return grid_for(blocks < most ? blocks : most);
}

}  // namespace device
VCELL_END_NAMESPACE
