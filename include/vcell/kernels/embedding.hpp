#pragma once

#include <algorithm>
#include <cstdint>

#include "vcell/kernels/status.hpp"
#include "vcell/kernels/target.hpp"
#include "vcell/tensor/context.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// Rows of a table by index. Every device fulfils this contract:
///
///   y[i, j]            = table[index[i], j]
///   dtable[index[i], j] (+)= dy[i, j]          i in one order: the same bytes every time; a row
///                                              that no index names gets 0
///
/// Every index lies within the table (the caller checks).
template <class Device>
struct Embedding : Missing<Device> {};

template <>
struct Embedding<Cpu> {
  template <class T>
  static Status forward(const Context<Cpu>& context, View<const int32_t, 1> index,  // (n)
                        View<const T, 2> table,  // (entries, columns)
                        View<T, 2> y) {          // (n, columns)
    const size_t columns = table.shape[1];
    parallel_for(context, index.shape[0], 64, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i)
        std::copy_n(table.data + size_t(index.data[i]) * columns, columns, y.data + i * columns);
    });
    return {};
  }

  template <class T>
  static Status backward(const Context<Cpu>& context, View<const T, 2> dy,  // (n, columns)
                         View<const int32_t, 1> index,                      // (n)
                         Target<T, 2> dtable) {                             // (entries, columns)
    if (!dtable) return {};
    const size_t columns = dtable.view.shape[1];
    // Columns are shared out: two threads never meet in one entry.
    parallel_for(context, columns, 64, [&](size_t begin, size_t end) {
      const size_t entries = dtable.accumulate ? 0 : dtable.view.shape[0];
      for (size_t e = 0; e < entries; ++e)
        std::fill(dtable.view.data + e * columns + begin, dtable.view.data + e * columns + end,
                  T(0));
      for (size_t i = 0; i < index.shape[0]; ++i)
        for (size_t j = begin; j < end; ++j)
          dtable.view.data[size_t(index.data[i]) * columns + j] += dy.data[i * columns + j];
    });
    return {};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
