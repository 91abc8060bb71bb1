#pragma once

#include "vcell/core/cmath.hpp"
#include "vcell/kernels/centred_sets.hpp"
#include "vcell/kernels/lanes.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/kernels/target.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// The mean Manhattan distance across pairs of sets:
///
///   e[b] = mean_ij sum_c |x_ic - y_jc|
///
///   dx_ic (+)= g[b] / (S T) sum_j sign(x_ic - y_jc)
///
/// where the sign of 0 is 0. A set has at least one cell. Padding is not read, its gradient is 0.
/// 3 S T D flops a pair of sets, of all differences: no product gives them.
template <class Device>
struct ManhattanDistance : Missing<Device> {};

template <>
struct ManhattanDistance<Cpu> {
  template <class T>
  static size_t forward_scratch(const Context<Cpu>&, View<const T, 3> x, View<const T, 3>,
                                const SetLengths<>&, View<T, 1>) {
    return scratch_bytes<double>(x.shape[0] * x.shape[1]);
  }
  template <class T>
  static Status forward(const Context<Cpu>& context, View<const T, 3> x,  // (B, S, D)
                        View<const T, 3> y,                               // (B, T, D)
                        const SetLengths<>& lengths, View<T, 1> e,        // (B)
                        Scratch<> scratch) {
    const size_t sets = x.shape[0], cells = x.shape[1], columns = x.shape[2];
    const auto sums = take_scratch<double>(scratch, sets * cells);
    parallel_for(context, sets * cells, 1, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        const size_t b = i / cells;
        sums[i] = 0;
        if (i % cells >= size_of(x, lengths.x, b)) continue;
        const T* u = x.data + i * columns;
        for (size_t j = 0; j < size_of(y, lengths.y, b); ++j)
          sums[i] += sum_lanes<double>(columns, [=, v = y[b].data + j * columns](size_t c) {
            return double(std::abs(u[c] - v[c]));
          });
      }
    });
    for (size_t b = 0; b < sets; ++b) {
      double sum = 0;
      for (size_t i = 0; i < cells; ++i) sum += sums[b * cells + i];
      e[b] = T(sum / (double(size_of(x, lengths.x, b)) * double(size_of(y, lengths.y, b))));
    }
    return {};
  }

  template <class T>
  static Status backward(const Context<Cpu>& context, View<const T, 1> g,  // (B)
                         View<const T, 3> x,                               // (B, S, D)
                         View<const T, 3> y,                               // (B, T, D)
                         const SetLengths<>& lengths, Target<T, 3> dx,     // (B, S, D)
                         Target<T, 3> dy) {                                // (B, T, D)
    const auto side = [&](View<const T, 3> u, View<const int32_t, 1> u_lengths, View<const T, 3> v,
                          View<const int32_t, 1> v_lengths, const Target<T, 3>& du) {
      const size_t cells = u.shape[1], columns = u.shape[2];
      parallel_for(context, u.shape[0] * cells, 1, [&](size_t begin, size_t end) {
        for (size_t i = begin; i < end; ++i) {
          const size_t b = i / cells, n = size_of(u, u_lengths, b), m = size_of(v, v_lengths, b);
          const T* from = u.data + i * columns;
          T* to = du.view.data + i * columns;
          if (!du.accumulate) std::fill_n(to, columns, T(0));
          if (i % cells >= n) continue;
          const T share = T(double(g[b]) / (double(n) * double(m)));
          for (size_t j = 0; j < m; ++j)
            for (size_t c = 0; c < columns; ++c) {
              const T other = v.data[(b * v.shape[1] + j) * columns + c];
              to[c] += from[c] > other ? share : from[c] < other ? -share : T(0);
            }
        }
      });
    };
    if (dx) side(x, lengths.x, y, lengths.y, dx);
    if (dy) side(y, lengths.y, x, lengths.x, dy);
    return {};
  }

 private:
  template <class T>
  static size_t size_of(View<const T, 3> sets, View<const int32_t, 1> lengths, size_t b) {
    return lengths ? std::min(sets.shape[1], size_t(lengths[b])) : sets.shape[1];
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
