#pragma once

#include "vcell/kernels/device/column_sums.cuh"
#include "vcell/kernels/device/element_of_row.cuh"
#include "vcell/kernels/sum_rows.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

template <>
struct SumRows<Cuda> {
  template <class T>
  static size_t run_scratch(const Context<Cuda>&, View<const T, 2, Cuda> x, Target<T, 1, Cuda> y) {
    return y ? device::ColumnSums<T, 1>::bytes({1, x.shape[0], x.shape[1]}) : 0;
  }
  template <class T>
  static Status run(const Context<Cuda>& context, View<const T, 2, Cuda> x,  // (rows, columns)
                    Target<T, 1, Cuda> y,                                    // (columns)
                    Scratch<Cuda> scratch) {
    if (!y) return {};
    return device::ColumnSums<T, 1>::run(context, {1, x.shape[0], x.shape[1]}, {y}, scratch,
                                         device::ElementOfRow{x.shape[1]}, x.data);
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
