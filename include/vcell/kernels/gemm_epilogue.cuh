#pragma once

#include <cstdint>

#include "vcell/kernels/device/divide.cuh"
#include "vcell/kernels/device/each.cuh"
#include "vcell/kernels/gemm_epilogue.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel::detail {

/// Where the matrices of a batch lie: elements from row to row, and from one matrix to the next.
struct BatchPlace {
  size_t row = 0, matrix = 0;
};

/// Elements that one thread reads and writes at once.
template <class T, unsigned width>
struct alignas(width * sizeof(T) < 16 ? width * sizeof(T) : 16) Pack {
  T value[width];
};

/// Makes C of products that have been made: what finish_tile does on the Cpu.
///
/// @tparam kind   bias stands for all that are sums: what is null is not added
/// @tparam width  columns that a thread has: 4 where all that is read and written is aligned to 4
/// @param z       (products, rows, columns), or with 2 columns for a gate; it may be c, or
/// `stored`.
///                null: zeros
template <EpilogueKind kind, unsigned width, bool accumulate, class Sum, class T>
VCELL_KERNEL void gemm_epilogue(size_t products, size_t rows, size_t columns, const Sum* z,
                                BatchPlace of_z, const T* bias, size_t bias_step, const T* residual,
                                BatchPlace of_residual, T* stored, BatchPlace of_stored, T* c,
                                BatchPlace of_c) {
  constexpr unsigned halves = kind == EpilogueKind::silu_gate ? 2 : 1;
  using Packed = Pack<T, width>;
  const size_t groups = columns / width;
  device::for_each(products * rows * groups, [&](size_t i) {
    const size_t line = device::divide(i, groups), product = device::divide(line, rows);
    const size_t j = (i - line * groups) * width, row = line - product * rows;
    const auto at = [&](BatchPlace place, size_t column) {
      return product * place.matrix + row * place.row + column;
    };
    Pack<Sum, width> sum[halves];
    for (unsigned h = 0; h < halves; ++h) {
      const size_t column = h * columns + j;
      if (z)
        sum[h] = *reinterpret_cast<const Pack<Sum, width>*>(z + at(of_z, column));
      else
        sum[h] = {};
      if (bias) {
        const Packed b = *reinterpret_cast<const Packed*>(bias + product * bias_step + column);
        for (unsigned q = 0; q < width; ++q) sum[h].value[q] += Sum(b.value[q]);
      }
      if (stored) {
        Packed s;
        for (unsigned q = 0; q < width; ++q) s.value[q] = T(sum[h].value[q]);
        *reinterpret_cast<Packed*>(stored + at(of_stored, column)) = s;
      }
    }
    Pack<Sum, width> y;
    for (unsigned q = 0; q < width; ++q) {
      const Sum x = sum[0].value[q];
      if constexpr (kind == EpilogueKind::bias_gelu)
        y.value[q] = Gelu()(x);
      else if constexpr (kind == EpilogueKind::bias_gelu_tanh)
        y.value[q] = GeluTanh()(x);
      else if constexpr (kind == EpilogueKind::silu_gate)
        y.value[q] = x * Logistic<Sum>(x).s * sum[1].value[q];
      else
        y.value[q] = x;
    }
    if (residual) {
      const Packed r = *reinterpret_cast<const Packed*>(residual + at(of_residual, j));
      for (unsigned q = 0; q < width; ++q) y.value[q] += Sum(r.value[q]);
    }
    Packed* const to = reinterpret_cast<Packed*>(c + at(of_c, j));
    Packed result;
    if constexpr (accumulate) result = *to;
    for (unsigned q = 0; q < width; ++q)
      result.value[q] = T(accumulate ? Sum(result.value[q]) + y.value[q] : y.value[q]);
    *to = result;
  });
}

/// Matrices of bfloat16 as float.
template <class T>
VCELL_KERNEL void widen(size_t products, size_t rows, size_t columns, const T* from,
                        BatchPlace of_from, float* to, BatchPlace of_to) {
  device::for_each(products * rows * columns, [&](size_t i) {
    const size_t line = device::divide(i, columns), product = device::divide(line, rows);
    const size_t j = i - line * columns, row = line - product * rows;
    to[product * of_to.matrix + row * of_to.row + j] =
        float(from[product * of_from.matrix + row * of_from.row + j]);
  });
}

}  // namespace kernel::detail
VCELL_END_NAMESPACE
