#pragma once

#include <algorithm>

#include "vcell/core/cmath.hpp"
#include "vcell/kernels/lanes.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/kernels/target.hpp"
#include "vcell/tensor/context.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// Layer normalisation of the rows of a matrix. Every device fulfils this contract:
///
///   m[i]    = mean_j x[i, j],   r[i] = (mean_j (x[i, j] - m[i])^2 + epsilon)^(-1/2)
///   n[i, j] = (x[i, j] - m[i]) r[i]
///   y[i, j] = n[i, j] w[j] + b[j]
///
///   g[i, j]   = w[j] dy[i, j]
///   dx[i, j] (+)= r[i] (g[i, j] - mean_j g[i, j] - n[i, j] mean_j(g[i, j] n[i, j]))
///   dw[j]    (+)= sum_i dy[i, j] n[i, j]      db[j] (+)= sum_i dy[i, j]      in one order
///
/// w and b may be null (1 and 0). The mean is taken off before squaring: rows far from 0 keep their
/// digits. Views must not overlap, except that y may be x.
template <class Device>
struct LayerNorm : Missing<Device> {};

template <>
struct LayerNorm<Cpu> {
  template <class T>
  static Status forward(const Context<Cpu>& context, View<const T, 2> x,  // (rows, columns)
                        View<const T, 1> w,                               // (columns) or null
                        View<const T, 1> b,                               // (columns) or null
                        View<T, 2> y,                                     // (rows, columns)
                        View<T, 1> m,  // (rows), kept for backward
                        View<T, 1> r,  // (rows), kept for backward
                        T epsilon) {
    const size_t rows = x.shape[0], columns = x.shape[1];
    parallel_for(context, rows, 32, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        const T* xi = x.data + i * columns;
        T* yi = y.data + i * columns;
        const T rough = sum_lanes<T>(columns, [=](size_t j) { return xi[j]; }) / T(columns);
        // Once more about the first mean: far from 0 that sum was rounded coarsely.
        const T mi =
            rough + sum_lanes<T>(columns, [=](size_t j) { return xi[j] - rough; }) / T(columns);
        const T square =
            sum_lanes<T>(columns, [=](size_t j) { return (xi[j] - mi) * (xi[j] - mi); });
        const T ri = 1 / std::sqrt(square / T(columns) + epsilon);
        m.data[i] = mi;
        r.data[i] = ri;
        for (size_t j = 0; j < columns; ++j)
          yi[j] = (xi[j] - mi) * ri * (w ? w.data[j] : T(1)) + (b ? b.data[j] : T(0));
      }
    });
    return {};
  }

  template <class T>
  static Status backward(const Context<Cpu>& context, View<const T, 2> dy,  // (rows, columns)
                         View<const T, 2> x,                                // (rows, columns)
                         View<const T, 1> w,                                // (columns) or null
                         View<const T, 1> m,                                // (rows)
                         View<const T, 1> r,                                // (rows)
                         Target<T, 2> dx,                                   // (rows, columns)
                         Target<T, 1> dw,                                   // (columns)
                         Target<T, 1> db) {                                 // (columns)
    const size_t rows = x.shape[0], columns = x.shape[1];
    if (dx)
      with_put(dx.accumulate, [&](auto put) {
        parallel_for(context, rows, 32, [&](size_t begin, size_t end) {
          for (size_t i = begin; i < end; ++i) {
            const T* xi = x.data + i * columns;
            const T* dyi = dy.data + i * columns;
            T* dxi = dx.view.data + i * columns;
            const T mi = m.data[i], ri = r.data[i];
            const auto g = [&](size_t j) { return w ? w.data[j] * dyi[j] : dyi[j]; };
            const T level = sum_lanes<T>(columns, g) / T(columns);
            const T along =
                sum_lanes<T>(columns, [&](size_t j) { return g(j) * (xi[j] - mi) * ri; }) /
                T(columns);
            for (size_t j = 0; j < columns; ++j)
              put(dxi[j], ri * (g(j) - level - (xi[j] - mi) * ri * along));
          }
        });
      });
    for (const auto& to : {dw, db})
      if (to && !to.accumulate) std::fill_n(to.view.data, columns, T(0));
    if (dw || db)
      parallel_for(context, columns, 64, [&](size_t begin, size_t end) {
        for (size_t i = 0; i < rows; ++i)
          for (size_t j = begin; j < end; ++j) {
            const T g = dy.data[i * columns + j];
            if (dw) dw.view.data[j] += g * (x.data[i * columns + j] - m.data[i]) * r.data[i];
            if (db) db.view.data[j] += g;
          }
      });
    return {};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
