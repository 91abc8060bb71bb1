#pragma once

#include <array>

#include "vcell/kernels/device/platform.cuh"

VCELL_BEGIN_NAMESPACE
namespace device {

/// What a matrix itself adds to the sums of its columns (column_sums.cuh).
struct ElementOfRow {
  size_t columns;
  template <class T>
  __device__ std::array<T, 1> operator()(size_t i, size_t j, const T* x) const {
    return {x[i * columns + j]};
  }
};

}  // namespace device
VCELL_END_NAMESPACE
