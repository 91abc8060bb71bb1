#pragma once

#include <cstdint>

#include "vcell/kernels/device/platform.cuh"

VCELL_BEGIN_NAMESPACE
namespace device {

/// Four numbers side by side, which are loaded and stored together.
template <class T>
struct alignas(16) Four {
  T v[4];
};

/// Whether rows of so many numbers can be read as Fours.
template <class T>
__device__ bool holds_fours(const T* rows, size_t columns) {
  return reinterpret_cast<uintptr_t>(rows) % 16 == 0 && columns * sizeof(T) % 16 == 0;
}

/// Elements first .. first + 3 of a row, 0 beyond its end.
/// @param whole  whether rows hold_fours; `first` is a multiple of four
template <class T>
__device__ Four<T> load_four(const T* row, size_t first, size_t columns, bool whole) {
  if (whole && first + 4 <= columns) return *reinterpret_cast<const Four<T>*>(row + first);
  Four<T> four;
  for (unsigned k = 0; k < 4; ++k) four.v[k] = first + k < columns ? row[first + k] : T(0);
  return four;
}

/// Elements first .. first + 3 of a row become those of a Four, as far as it has any.
template <class T>
__device__ void store_four(const Four<T>& four, T* row, size_t first, size_t columns, bool whole) {
  if (whole && first + 4 <= columns) {
    *reinterpret_cast<Four<T>*>(row + first) = four;
    return;
  }
  for (unsigned k = 0; k < 4; ++k)
    if (first + k < columns) row[first + k] = four.v[k];
}

}  // namespace device
VCELL_END_NAMESPACE
