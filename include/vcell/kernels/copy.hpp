#pragma once

#include <algorithm>

#include "vcell/kernels/matrix_view.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/tensor/context.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// Moves a block between matrices whose rows may lie apart: how slices and concatenations of any
/// axis look once the axes before and after it are collapsed, and how a gradient passes on.
///
///   to[i, j] (+)= from[i, j]
///
/// Both of one size; they do not overlap.
template <class Device>
struct Copy : Missing<Device> {};

template <>
struct Copy<Cpu> {
  /// @param accumulate  add to what is there
  template <class T>
  static Status run(const Context<Cpu>& context, MatrixView<const T> from, MatrixView<T> to,
                    bool accumulate) {
    constexpr size_t piece = 1 << 15;                              // elements
    if (from.stride == from.columns && to.stride == to.columns) {  // one long row
      const size_t n = to.rows * to.columns;
      parallel_for(context, n, piece, [=](size_t begin, size_t end) {
        move(from.data + begin, end - begin, to.data + begin, accumulate);
      });
      return {};
    }
    const size_t grain = std::max<size_t>(1, piece / std::max<size_t>(1, to.columns));
    parallel_for(context, to.rows, grain, [=](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) move(from.row(i), to.columns, to.row(i), accumulate);
    });
    return {};
  }

 private:
  template <class T>
  static void move(const T* from, size_t n, T* to, bool accumulate) {
    if (accumulate)
      for (size_t j = 0; j < n; ++j) to[j] += from[j];
    else
      std::copy_n(from, n, to);
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
