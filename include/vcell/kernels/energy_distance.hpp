#pragma once

#include <algorithm>
#include <cmath>

#include "vcell/core/device.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/kernels/lanes.hpp"
#include "vcell/kernels/serial_gemm.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/tensor/thread_scratch.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// The energy distance of pairs of sets, with uniform weights and the Euclidean norm:
///
///   d(u, v) = sqrt(max(||u - v||^2, floor))
///   e[b] = mean_ij d(x_i, y_j) - 1/2 mean_ij d(x_i, x_j) - 1/2 mean_ij d(y_i, y_j)
///
///   dx_i += g[b] (1/(S T) sum_j (x_i - y_j) / d_ij - 1/S^2 sum_j (x_i - x_j) / d_ij)
///
/// diagonals included; pairs at distance 0 and pairs below the floor have gradient 0. Squared
/// distances come from a Gram matrix of the sets moved to their common mean, which changes no
/// distance; pairs too near for that to keep the digits are taken from the difference of the points
/// as given, which is exact where they are close.
/// A null gradient view is not wanted. 2 (S^2 + S T + T^2) D flops a pair of sets forward; backward
/// 4 (S^2 + S T) D for x, 4 (T^2 + S T) D for y.
template <class Device>
struct EnergyDistance {
  static_assert(sizeof(Device) == 0,
                "vcell: energy_distance has no kernel for this device in this translation unit: "
                "compile it with nvcc and include <vcell/cuda.cuh>");
};

template <>
struct EnergyDistance<Cpu> {
  template <class T>
  static Status forward(View<const T, 3> x,  // (B, S, D)
                        View<const T, 3> y,  // (B, T, D)
                        View<T, 1> e,        // (B)
                        T floor_squared) {
    for_sets(x, y, [&](size_t b, const Centred<T>& set) {
      const auto mean = [&](const Side<T>& u, const Side<T>& v) {
        double sum = 0;
        for_pairs(u, v, floor_squared, set.gram,
                  [&](size_t, size_t, T d, bool, bool) { sum += double(d); });
        return sum / (double(u.points.rows) * double(v.points.rows));
      };
      e[b] = T(mean(set.x, set.y) - 0.5 * mean(set.x, set.x) - 0.5 * mean(set.y, set.y));
    });
    return {};
  }

  template <class T>
  static Status backward(View<const T, 1> g,  // (B)
                         View<const T, 3> x,  // (B, S, D)
                         View<const T, 3> y,  // (B, T, D)
                         View<T, 3> dx,       // (B, S, D), added to
                         View<T, 3> dy,       // (B, T, D), added to
                         T floor_squared) {
    for_sets(x, y, [&](size_t b, const Centred<T>& set) {
      const auto side = [&](const Side<T>& u, const Side<T>& v, View<T, 2> du) {
        const double s = double(u.points.rows), t = double(v.points.rows);
        pull(u, v, T(double(g[b]) / (s * t)), floor_squared, set, du);
        pull(u, u, T(-double(g[b]) / (s * s)), floor_squared, set, du);
      };
      if (dx) side(set.x, set.y, dx[b]);
      if (dy) side(set.y, set.x, dy[b]);
    });
    return {};
  }

 private:
  // Below this share of ||u||^2 + ||v||^2 a squared distance from the Gram matrix has lost more
  // than a digit.
  static constexpr double near = 0.1;

  template <class T>
  struct Side {
    MatrixView<const T> given, points;  // (n, D); points is centred
    const T* norms;                     // (n), of points, squared
  };
  template <class T>
  struct Centred {
    Side<T> x, y;
    T *gram, *weights;  // scratch, each for the pairs of the larger set with itself
  };

  /// Calls f for every set with both sides moved by their common mean.
  template <class T, class F>
  static void for_sets(View<const T, 3> x, View<const T, 3> y, F f) {
    const size_t s = x.shape[1], t = y.shape[1], columns = x.shape[2];
    const size_t pairs = std::max(s, t) * std::max(s, t);
    ThreadScratch<T> all_points((s + t) * columns), all_norms(s + t), gram(pairs), weights(pairs);
    ThreadScratch<double> all_sums(columns);
    parallel_for(x.shape[0], 1, [&](size_t begin, size_t end) {
      const View<T, 2> points{all_points.mine(), {s + t, columns}};
      const View<double, 1> sums{all_sums.mine(), {columns}};
      T* norms = all_norms.mine();
      for (size_t b = begin; b < end; ++b) {
        const View<const T, 2> xb = x[b], yb = y[b];
        std::fill(sums.begin(), sums.end(), 0.0);
        for (const auto& v : {xb, yb})
          for (size_t i = 0; i < v.shape[0]; ++i)
            for (size_t j = 0; j < columns; ++j) sums[j] += double(v.data[i * columns + j]);
        for (size_t i = 0; i < s + t; ++i) {
          const T* from = i < s ? xb.data + i * columns : yb.data + (i - s) * columns;
          T* to = points[i].data;
          for (size_t j = 0; j < columns; ++j) to[j] = from[j] - T(sums[j] / double(s + t));
          norms[i] = sum_lanes<T>(columns, [=](size_t j) { return to[j] * to[j]; });
        }
        const MatrixView<const T> all = points;
        f(b, Centred<T>{{xb, all.block(0, s, 0, columns), norms},
                        {yb, all.block(s, t, 0, columns), norms + s},
                        gram.mine(),
                        weights.mine()});
      }
    });
  }

  /// Calls f(i, j, distance, is_near, is_constant) for every pair; is_constant: its gradient is 0.
  template <class T, class F>
  static void for_pairs(const Side<T>& u, const Side<T>& v, T floor_squared, T* gram, F f) {
    const size_t columns = u.points.columns, n = u.points.rows, m = v.points.rows;
    serial_gemm<T>(false, true, T(1), u.points, v.points, T(0), MatrixView<T>(gram, n, m, m));
    for (size_t i = 0; i < n; ++i)
      for (size_t j = 0; j < m; ++j) {
        const T both = u.norms[i] + v.norms[j];
        T square = both - 2 * gram[i * m + j];
        const bool is_near = !(square > T(near) * both);
        if (is_near)
          square = sum_lanes<T>(columns, [ui = u.given.row(i), vj = v.given.row(j)](size_t c) {
            return (ui[c] - vj[c]) * (ui[c] - vj[c]);
          });
        const bool is_constant = square <= floor_squared;
        f(i, j, std::sqrt(is_constant ? floor_squared : square), is_near, is_constant);
      }
  }

  /// du_i += weight sum_j (u_i - v_j) / d_ij. Far pairs by one product, near ones by themselves.
  template <class T>
  static void pull(const Side<T>& u, const Side<T>& v, T weight, T floor_squared,
                   const Centred<T>& set, View<T, 2> du) {
    const size_t columns = u.points.columns, n = u.points.rows, m = v.points.rows;
    const MatrixView<T> weights(set.weights, n, m, m);
    for_pairs(u, v, floor_squared, set.gram,
              [&](size_t i, size_t j, T d, bool is_near, bool is_constant) {
                weights.row(i)[j] = is_near || is_constant ? T(0) : weight / d;
                if (!is_near || is_constant) return;
                const T w = weight / d;
                const T *ui = u.given.row(i), *vj = v.given.row(j);
                for (size_t c = 0; c < columns; ++c)
                  du.data[i * columns + c] += w * (ui[c] - vj[c]);
              });
    for (size_t i = 0; i < n; ++i) {
      const T sum = sum_lanes<T>(m, [w = weights.row(i)](size_t j) { return w[j]; });
      const T* ui = u.points.row(i);
      T* to = du.data + i * columns;
      for (size_t c = 0; c < columns; ++c) to[c] += sum * ui[c];
    }
    serial_gemm<T>(false, false, T(-1), weights, v.points, T(1), du);
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
