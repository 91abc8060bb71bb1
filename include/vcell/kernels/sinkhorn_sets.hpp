#pragma once

#include <algorithm>

#include "vcell/core/cmath.hpp"
#include "vcell/kernels/centred_sets.hpp"
#include "vcell/kernels/exponential.hpp"
#include "vcell/kernels/serial_gemm.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// Half the squared distance of two points, from half their squared norms and their product.
VCELL_IN_LOOPS double sinkhorn_cost(double norms, double product) {
  const double cost = norms - product;
  return cost < 0 ? 0 : cost;  // what is not a number stays so
}

/// A pair of sets as the Sinkhorn loop has it: the n cells of x and the m of y, without padding, as
/// the rows and columns of one matrix of costs.
struct SinkhornPair {
  size_t b, n, m;
  MatrixView<double> points;  // (n + m, D)
  double* norms;              // (n + m) halves of the squared ones
  MatrixView<double> costs;   // (n + m, n + m), ||u_i - v_j||^2 / 2
  double* potentials;         // (4, n + m)

  /// The cells of the set of row i, and those of the other one.
  RowRange own(size_t i) const { return i < n ? RowRange{0, n} : RowRange{n, m}; }
  RowRange other(size_t i) const { return i < n ? RowRange{n, m} : RowRange{0, n}; }
};

/// Lays out pairs of sets in double, as far from the first cell of each x, and computes their
/// costs. Where there are as many pairs as threads each thread takes one at a time, else all
/// threads work on one, which has no effect on a result.
template <class T>
class SinkhornSets {
 public:
  /// @param scratch  scratch_bytes(context, x.shape, y.shape)
  SinkhornSets(const Context<Cpu>& context, View<const T, 3> x,  // (B, S, D)
               View<const T, 3> y,                               // (B, T, D)
               const SetLengths<>& lengths, Scratch<> scratch)
      : context_(context),
        x_(x),
        y_(y),
        lengths_(lengths),
        gaps_(take_scratch<double>(scratch, x.shape[2]).data),
        tiles_(context, scratch, tile_rows * tile_columns),
        pairs_(scratch.data) {}

  static size_t scratch_bytes(const Context<Cpu>& context, const Shape<3>& x, const Shape<3>& y) {
    const size_t rows = x[1] + y[1];
    return vcell::scratch_bytes<double>(x[2]) +
           ThreadScratch<double>::bytes(context, tile_rows * tile_columns) +
           (by_thread(context, x) ? size_t(context.pool().size()) : 1) * pair_bytes(rows, x[2]);
  }

  /// How far the corners are apart of the box that all points lie in.
  double diameter() const {
    const size_t columns = x_.shape[2];
    parallel_for(context_, columns, 256, [&](size_t begin, size_t end) {
      T low[256], high[256];
      std::fill_n(low, end - begin, std::numeric_limits<T>::infinity());
      std::fill_n(high, end - begin, -std::numeric_limits<T>::infinity());
      const auto extend = [&](View<const T, 3> sets, View<const int32_t, 1> lengths) {
        for (size_t b = 0; b < sets.shape[0]; ++b)
          for (size_t i = 0; i < size_of(sets, lengths, b); ++i) {
            const T* u = sets.data + (b * sets.shape[1] + i) * columns + begin;
            for (size_t c = 0; c < end - begin; ++c) {
              low[c] = u[c] < low[c] ? u[c] : low[c];
              high[c] = high[c] < u[c] ? u[c] : high[c];
            }
          }
      };
      extend(x_, lengths_.x);
      extend(y_, lengths_.y);
      for (size_t c = begin; c < end; ++c)
        gaps_[c] = double(high[c - begin]) - double(low[c - begin]);
    });
    return std::sqrt(sum_lanes<double>(columns, [this](size_t c) { return gaps_[c] * gaps_[c]; }));
  }

  /// Calls f(pair) for every pair, with its points.
  template <class F>
  void for_pairs(F f) const {
    const auto run = [&](size_t b, size_t slot) {
      const SinkhornPair p = pair(b, slot);
      load(p);
      f(p);
    };
    if (by_thread(context_, x_.shape))
      parallel_for(context_, x_.shape[0], 1, [&](size_t begin, size_t end) {
        for (size_t b = begin; b < end; ++b) run(b, thread_index(context_.pool()));
      });
    else
      for (size_t b = 0; b < x_.shape[0]; ++b) run(b, 0);
  }

  /// The rows of costs of the cells of x, of y, or of both, by symmetry where that helps.
  void find_costs(const SinkhornPair& p, bool of_x, bool of_y) const {
    const Tiling x_tiles(p.n), y_tiles(p.m);
    const size_t count = x_tiles.count + y_tiles.count;
    const auto rows_of = [&](size_t k) {
      if (k < x_tiles.count) return x_tiles[k];
      const RowRange rows = y_tiles[k - x_tiles.count];
      return RowRange{p.n + rows.first, rows.count};
    };
    const auto is_wanted = [&](size_t k) { return k < x_tiles.count ? of_x : of_y; };
    parallel_for(context_, count * count, 1, [&](size_t begin, size_t end) {
      for (size_t k = begin; k < end; ++k) {
        const size_t i = k / count, j = k % count;
        if (!is_wanted(i) || (is_wanted(j) && j > i)) continue;
        const RowRange rows = rows_of(i), columns = rows_of(j);
        find_costs(p, rows, columns);
        if (is_wanted(j) && j < i)
          for (size_t r = rows.first; r < rows.first + rows.count; ++r)
            for (size_t c = columns.first; c < columns.first + columns.count; ++c)
              p.costs.row(c)[r] = p.costs.row(r)[c];
      }
    });
  }

  /// du_first+i += scale sum_j w_ij z_j: some rows of what has replaced the costs, times all
  /// points.
  void add_product(const ProductSession& session, const SinkhornPair& p, RowRange rows,
                   double scale, MatrixView<T> du, size_t first) const {
    const size_t columns = du.columns;
    for (size_t i = 0; i < rows.count; i += tile_rows)
      for (size_t c = 0; c < columns; c += tile_columns) {
        const size_t n = std::min(tile_rows, rows.count - i),
                     w = std::min(tile_columns, columns - c);
        const MatrixView<double> tile(tiles_.mine(), n, w, w);
        serial_gemm<double>(session, false, false, scale,
                            p.costs.block(rows.first + i, n, 0, p.n + p.m),
                            p.points.block(0, p.n + p.m, c, w), 0.0, tile);
        for (size_t r = 0; r < n; ++r) {
          T* to = du.row(first + i + r) + c;
          for (size_t k = 0; k < w; ++k) to[k] += T(tile.row(r)[k]);
        }
      }
  }

 private:
  static constexpr size_t tile_rows = 32, tile_columns = 256;

  static bool by_thread(const Context<Cpu>& context, const Shape<3>& x) {
    return x[0] >= size_t(context.pool().size());
  }
  static size_t pair_bytes(size_t rows, size_t columns) {
    return vcell::scratch_bytes<double>(rows * columns) + vcell::scratch_bytes<double>(rows) +
           vcell::scratch_bytes<double>(rows * rows) + vcell::scratch_bytes<double>(4 * rows);
  }
  static size_t size_of(View<const T, 3> sets, View<const int32_t, 1> lengths, size_t b) {
    return lengths ? std::min(sets.shape[1], size_t(lengths[b])) : sets.shape[1];
  }

  SinkhornPair pair(size_t b, size_t slot) const {
    const size_t rows = x_.shape[1] + y_.shape[1], columns = x_.shape[2],
                 bytes = pair_bytes(rows, columns), n = size_of(x_, lengths_.x, b),
                 m = size_of(y_, lengths_.y, b);
    Scratch<> rest{pairs_ + slot * bytes, {bytes}};
    SinkhornPair p{b, n, m, {}, nullptr, {}, nullptr};
    p.points = {take_scratch<double>(rest, rows * columns).data, n + m, columns, columns};
    p.norms = take_scratch<double>(rest, rows).data;
    p.costs = {take_scratch<double>(rest, rows * rows).data, n + m, n + m, n + m};
    p.potentials = take_scratch<double>(rest, 4 * rows).data;
    return p;
  }

  /// Points as far from the first of x: where all are in one place they are exactly 0.
  void load(const SinkhornPair& p) const {
    const size_t columns = p.points.columns;
    const T *x = x_[p.b].data, *y = y_[p.b].data;
    parallel_for(context_, p.n + p.m, 16, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        const T* from = i < p.n ? x + i * columns : y + (i - p.n) * columns;
        double* to = p.points.row(i);
        for (size_t c = 0; c < columns; ++c) to[c] = double(from[c]) - double(x[c]);
        p.norms[i] = sum_lanes<double>(columns, [to](size_t c) { return to[c] * to[c]; }) / 2;
      }
    });
  }

  static void find_costs(const SinkhornPair& p, RowRange rows, RowRange others) {
    const ProductSession session;
    const size_t columns = p.points.columns;
    const MatrixView<double> tile =
        p.costs.block(rows.first, rows.count, others.first, others.count);
    serial_gemm<double>(session, false, true, 1.0,
                        p.points.block(rows.first, rows.count, 0, columns),
                        p.points.block(others.first, others.count, 0, columns), 0.0, tile);
    for (size_t i = 0; i < rows.count; ++i) {
      double* t = tile.row(i);
      const double* norms = p.norms + others.first;
      for (size_t j = 0; j < others.count; ++j)
        t[j] = sinkhorn_cost(p.norms[rows.first + i] + norms[j], t[j]);
    }
    if (rows.first == others.first)
      for (size_t i = 0; i < rows.count; ++i) tile.row(i)[i] = 0;
  }

  Context<Cpu> context_;
  View<const T, 3> x_, y_;
  SetLengths<> lengths_;
  double* gaps_;
  ThreadScratch<double> tiles_;
  std::byte* pairs_;
};

}  // namespace kernel
VCELL_END_NAMESPACE
