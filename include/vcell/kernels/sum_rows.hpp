#pragma once

#include "vcell/core/device.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/tensor/view.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// y[j] += sum_i x[i, j], rows in order: the gradient of a bias. The same bytes every time.
template <class Device>
struct SumRows {
  static_assert(sizeof(Device) == 0,
                "vcell: sum_rows has no kernel for this device in this translation unit: compile "
                "it with nvcc and include <vcell/cuda.cuh>");
};

template <>
struct SumRows<Cpu> {
  template <class T>
  static Status run(View<const T, 2> x, View<T, 1> y) {  // (rows, columns), (columns)
    const auto [rows, columns] = x.shape;
    // Columns are shared out, never rows: each sum has one order.
    parallel_for(columns, 256, [&, rows = rows, columns = columns](size_t begin, size_t end) {
      for (size_t i = 0; i < rows; ++i)
        for (size_t j = begin; j < end; ++j) y.data[j] += x.data[i * columns + j];
    });
    return {};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
