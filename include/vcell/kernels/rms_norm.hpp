#pragma once

#include <algorithm>

#include "vcell/core/cmath.hpp"
#include "vcell/kernels/lanes.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/kernels/target.hpp"
#include "vcell/tensor/context.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// Root-mean-square normalisation of the rows of a matrix. Every device fulfils this contract:
///
///   r[i]    = (mean_j x[i, j]^2 + epsilon)^(-1/2)            kept for backward
///   y[i, j] = x[i, j] r[i] w[j]
///
///   s[i]      = sum_j x[i, j] w[j] dy[i, j]
///   dx[i, j] (+)= r[i] (w[j] dy[i, j] - x[i, j] r[i]^2 s[i] / columns)
///   dw[j]    (+)= sum_i x[i, j] r[i] dy[i, j]           in one order: the same bytes every time
///
/// Views must not overlap, except that y may be x. A row of zeros gives zeros and finite gradients
/// (epsilon > 0).
template <class Device>
struct RmsNorm : Missing<Device> {};

template <>
struct RmsNorm<Cpu> {
  template <class T>
  static Status forward(const Context<Cpu>& context, View<const T, 2> x,  // (rows, columns)
                        View<const T, 1> w,                               // (columns)
                        View<T, 2> y,                                     // (rows, columns)
                        View<T, 1> r,                                     // (rows)
                        T epsilon) {
    const size_t rows = x.shape[0], columns = x.shape[1];
    parallel_for(context, rows, 32, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        const T* xi = x.data + i * columns;
        T* yi = y.data + i * columns;
        const T square = sum_lanes<T>(columns, [=](size_t j) { return xi[j] * xi[j]; });
        const T ri = 1 / std::sqrt(square / T(columns) + epsilon);
        r.data[i] = ri;
        for (size_t j = 0; j < columns; ++j) yi[j] = xi[j] * ri * w.data[j];
      }
    });
    return {};
  }

  template <class T>
  static Status backward(const Context<Cpu>& context, View<const T, 2> dy,  // (rows, columns)
                         View<const T, 2> x,                                // (rows, columns)
                         View<const T, 1> w,                                // (columns)
                         View<const T, 1> r,                                // (rows)
                         Target<T, 2> dx,                                   // (rows, columns)
                         Target<T, 1> dw) {                                 // (columns)
    const size_t rows = x.shape[0], columns = x.shape[1];
    if (dx)
      with_put(dx.accumulate, [&](auto put) {
        parallel_for(context, rows, 32, [&](size_t begin, size_t end) {
          for (size_t i = begin; i < end; ++i) {
            const T* xi = x.data + i * columns;
            const T* dyi = dy.data + i * columns;
            T* dxi = dx.view.data + i * columns;
            const T ri = r.data[i];
            const T s = sum_lanes<T>(columns, [&](size_t j) { return xi[j] * w.data[j] * dyi[j]; });
            const T along = ri * ri * s / T(columns);
            for (size_t j = 0; j < columns; ++j)
              put(dxi[j], ri * (w.data[j] * dyi[j] - xi[j] * along));
          }
        });
      });
    if (dw) {
      if (!dw.accumulate) std::fill_n(dw.view.data, columns, T(0));
      parallel_for(context, columns, 64, [&](size_t begin, size_t end) {
        for (size_t i = 0; i < rows; ++i)
          for (size_t j = begin; j < end; ++j)
            dw.view.data[j] += x.data[i * columns + j] * r.data[i] * dy.data[i * columns + j];
      });
    }
    return {};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
