#pragma once

#include <algorithm>
#include <cstdint>

#include "vcell/core/device.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/tensor/view.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// Rows of a table by index. Every device fulfils this contract:
///
///   y[i, j]            = table[index[i], j]
///   dtable[index[i], j] += dy[i, j]            i in order: the same bytes every time
///
/// Every index lies within the table (the caller checks).
template <class Device>
struct Embedding {
  static_assert(sizeof(Device) == 0,
                "vcell: embedding has no kernel for this device in this translation unit: "
                "compile it with nvcc and include <vcell/cuda.cuh>");
};

template <>
struct Embedding<Cpu> {
  template <class T>
  static Status forward(View<const int32_t, 1> index,  // (n)
                        View<const T, 2> table,        // (entries, columns)
                        View<T, 2> y) {                // (n, columns)
    const size_t columns = table.shape[1];
    parallel_for(index.shape[0], 64, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i)
        std::copy_n(table.data + size_t(index[i]) * columns, columns, y.data + i * columns);
    });
    return {};
  }

  template <class T>
  static Status backward(View<const T, 2> dy,           // (n, columns)
                         View<const int32_t, 1> index,  // (n)
                         View<T, 2> dtable) {           // (entries, columns), added to
    const size_t columns = dtable.shape[1];
    // Columns are shared out: two threads never meet in one entry.
    parallel_for(columns, 64, [&](size_t begin, size_t end) {
      for (size_t i = 0; i < index.shape[0]; ++i)
        for (size_t j = begin; j < end; ++j)
          dtable.data[size_t(index[i]) * columns + j] += dy.data[i * columns + j];
    });
    return {};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
