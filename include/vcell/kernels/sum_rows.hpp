#pragma once

#include <algorithm>

#include "vcell/kernels/status.hpp"
#include "vcell/kernels/target.hpp"
#include "vcell/tensor/context.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// y[j] (+)= sum_i x[i, j], rows in one order: the gradient of a bias. The same bytes every time.
template <class Device>
struct SumRows : Missing<Device> {};

template <>
struct SumRows<Cpu> {
  template <class T>
  static Status run(const Context<Cpu>& context, View<const T, 2> x, Target<T, 1> y) {
    if (!y) return {};
    const size_t rows = x.shape[0], columns = x.shape[1];
    // Columns are shared out, never rows: each sum has one order.
    parallel_for(context, columns, 256, [=](size_t begin, size_t end) {
      if (!y.accumulate) std::fill(y.view.data + begin, y.view.data + end, T(0));
      for (size_t i = 0; i < rows; ++i)
        for (size_t j = begin; j < end; ++j) y.view.data[j] += x.data[i * columns + j];
    });
    return {};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
