#pragma once

#include <array>
#include <cstdint>

#include "vcell/core/cmath.hpp"
#include "vcell/kernels/distance_functions.hpp"
#include "vcell/kernels/pair_squares.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/kernels/target.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// How SetDiscrepancy adds the means of a function across two sets and within each.
struct DiscrepancyForm {
  double across, within;
  /// Whether the means within a set have its n pairs of a cell with itself, of n^2; else they are
  /// of the n (n - 1) others, and of a set of one cell not a number.
  bool has_diagonal;

  static constexpr DiscrepancyForm energy() { return {1, -0.5, true}; }
  /// MMD^2, its V- or U-statistic.
  static constexpr DiscrepancyForm squared_mmd(bool is_biased) { return {-2, 1, is_biased}; }
  static constexpr DiscrepancyForm mean_across() { return {1, 0, true}; }

  VCELL_HOST_DEVICE double pairs_within(double n) const {
    return has_diagonal ? n * n : n * (n - 1);
  }
};

/// What pairs of sets differ by, with a function f of the squared distance of two cells
/// (distance_functions.hpp):
///
///   e[b] = across mean_ij f(x_i, y_j) + within (mean_ij f(x_i, x_j) + mean_ij f(y_i, y_j))
///
///   dx_i (+)= g[b] (across / (S T) sum_j w(x_i, y_j) (x_i - y_j)
///                   + 2 within / S^2 sum_j w(x_i, x_j) (x_i - x_j))
///
/// (S (S - 1) in place of S^2 without the diagonal.) The energy distance is one, MMD another. Pairs
/// that are not above f's constant_below, those at distance 0 among them, have gradient 0. A set
/// has at least one cell. Padding is not read, its gradient is 0. `sigmas` (K) are what f has of
/// them, else null; they are constants for the gradient.
///
/// Squared distances come from the Gram matrices of sets that were moved by points amid them: on
/// the Cpu by their means, or the points of each cluster by a centre of these, which the distances
/// then make up for. Pairs too near for that to keep the digits are taken from the difference of
/// the points as given, which is exact where they are close. (S^2 + 2 S T + T^2) D flops a pair of
/// sets forward where S and T are many tiles, at most twice that where they are one; backward 4
/// (S^2 + S T) D for x, 4 (T^2 + S T) D for y. With within 0 nothing is computed within sets.
template <class Device>
struct SetDiscrepancy : Missing<Device> {};

template <>
struct SetDiscrepancy<Cpu> {
  template <class T, class F>
  static size_t forward_scratch(const Context<Cpu>& context, View<const T, 3> x, View<const T, 3> y,
                                const SetLengths<>&, View<T, 1>, const F&, View<const T, 1>,
                                const DiscrepancyForm&) {
    return CentredSets<T>::scratch_bytes(context, x.shape, y.shape);
  }
  template <class T, class F>
  static Status forward(const Context<Cpu>& context, View<const T, 3> x,  // (B, S, D)
                        View<const T, 3> y,                               // (B, T, D)
                        const SetLengths<>& lengths, View<T, 1> e,        // (B)
                        const F& function, View<const T, 1> sigmas,       // (K)
                        const DiscrepancyForm& form, Scratch<> scratch) {
    const CentredSets<T> sets(context, x, y, lengths, scratch.data);
    const auto f = function.of(sigmas);
    const size_t s = sets.x_tiles.count, ss = form.within ? s + sets.x_own_tiles.count : s,
                 tiles = form.within ? ss + sets.y_own_tiles.count : s;
    sets.for_groups([&](const PairGroup& group) {
      parallel_for(context, group.count * tiles, 1, [&](size_t begin, size_t end) {
        const ProductSession session;
        for (size_t i = begin; i < end; ++i) {
          const size_t k = i % tiles;
          const auto pair = sets.pair(group, i / tiles);
          const auto sum = [&](const CentredSet<T>& u, const Tiling& rows, size_t tile,
                               const CentredSet<T>& v, const Tiling& columns) {
            return sum_of_values(session, u, rows, tile, v, columns, f, sets.tile());
          };
          pair.sums[k] = k < s    ? sum(pair.x, sets.x_tiles, k, pair.y, sets.y_tiles)
                         : k < ss ? sum(pair.x, sets.x_own_tiles, k - s, pair.x, sets.x_own_tiles)
                                  : sum(pair.y, sets.y_own_tiles, k - ss, pair.y, sets.y_own_tiles);
        }
      });
      for (size_t k = 0; k < group.count; ++k) {
        const auto pair = sets.pair(group, k);
        const double n = double(pair.x.size()), m = double(pair.y.size());
        const auto total = [&](size_t from, size_t to) {
          double sum = 0;
          for (size_t i = from; i < to; ++i) sum += pair.sums[i];
          return sum;
        };
        double value = form.across * total(0, s) / (n * m);
        if (form.within) {
          const double diagonal = form.has_diagonal ? 0 : double(value_at_zero(f));
          value += form.within * (total(s, ss) - n * diagonal) / form.pairs_within(n);
          value += form.within * (total(ss, tiles) - m * diagonal) / form.pairs_within(m);
        }
        e[group.first + k] = T(value);
      }
    });
    return {};
  }

  template <class T, class F>
  static size_t backward_scratch(const Context<Cpu>& context, View<const T, 1>, View<const T, 3> x,
                                 View<const T, 3> y, const SetLengths<>&, Target<T, 3>,
                                 Target<T, 3>, const F&, View<const T, 1>, const DiscrepancyForm&) {
    return CentredSets<T>::scratch_bytes(context, x.shape, y.shape);
  }
  template <class T, class F>
  static Status backward(const Context<Cpu>& context, View<const T, 1> g,  // (B)
                         View<const T, 3> x,                               // (B, S, D)
                         View<const T, 3> y,                               // (B, T, D)
                         const SetLengths<>& lengths, Target<T, 3> dx,     // (B, S, D)
                         Target<T, 3> dy,                                  // (B, T, D)
                         const F& function, View<const T, 1> sigmas,       // (K)
                         const DiscrepancyForm& form, Scratch<> scratch) {
    const CentredSets<T> sets(context, x, y, lengths, scratch.data);
    const auto f = function.of(sigmas);
    sets.for_groups([&](const PairGroup& group) {
      // Every tile of rows of a gradient is one piece of work: its sums have one order.
      const auto side = [&](const Tiling& tiles, const Target<T, 3>& du, auto sides_of) {
        parallel_for(context, group.count * tiles.count, 1, [&](size_t begin, size_t end) {
          const ProductSession session;
          for (size_t i = begin; i < end; ++i) {
            const auto [u, v] = sides_of(sets.pair(group, i / tiles.count));
            const RowRange tile = tiles[i % tiles.count], rows = tile.below(u.size());
            const MatrixView<T> all(du.view[group.first + i / tiles.count]);
            if (!du.accumulate) std::fill_n(all.row(tile.first), tile.count * all.columns, T(0));
            const auto to = all.block(rows.first, rows.count, 0, all.columns);
            const double gb = double(g[group.first + i / tiles.count]), n = double(u.size());
            pull(session, u, v, rows, T(form.across * gb / (n * double(v.size()))), f, sets, to);
            if (form.within)
              pull(session, u, u, rows, T(2 * form.within * gb / form.pairs_within(n)), f, sets,
                   to);
          }
        });
      };
      using Sides = std::array<CentredSet<T>, 2>;
      if (dx) side(sets.x_tiles, dx, [](const CentredPair<T>& p) { return Sides{p.x, p.y}; });
      if (dy) side(sets.y_tiles, dy, [](const CentredPair<T>& p) { return Sides{p.y, p.x}; });
    });
    return {};
  }

 private:
  template <class Terms>
  static auto value_at_zero(const Terms& f) {
    using T = decltype(f.constant_below());
    T sum = 0;
    for (size_t k = 0; k < f.count(); ++k) sum += f[k].value(T(0));
    return sum;
  }

  /// f of a tile of rows of u with all rows of v, summed; within a set those with the rows of
  /// earlier tiles count there.
  template <class T, class Terms>
  static double sum_of_values(const ProductSession& session, const CentredSet<T>& u,
                              const Tiling& rows, size_t first, const CentredSet<T>& v,
                              const Tiling& columns, const Terms& f, T* memory) {
    const bool own = u.moved.data == v.moved.data;
    double sum = 0;
    for (size_t k = own ? first : 0; k < columns.count; ++k) {
      const MatrixView<T> tile = pair_squares(session, u, rows[first].below(u.size()), v,
                                              columns[k].below(v.size()), memory)
                                     .tile;
      double part = 0;
      for (size_t a = 0; a < f.count(); ++a)
        for (size_t i = 0; i < tile.rows; ++i)
          part += sum_lanes<double>(tile.columns, [term = f[a], t = tile.row(i)](size_t j) {
            return double(term.value(std::abs(t[j])));
          });
      sum += own && k != first ? 2 * part : part;
    }
    return sum;
  }

  /// t[j] = the sum of f's weights, of squares that are far.
  template <class T, class Terms>
  static void weigh(const Terms& f, T scale, size_t n, T* t) {
    constexpr size_t block = 64;
    const T below = f.constant_below();
    for (size_t first = 0; first < n; first += block) {
      const size_t count = std::min(block, n - first);
      T squares[block], *w = t + first;
      std::copy_n(w, count, squares);
      for (size_t k = 0; k < f.count(); ++k) {
        const auto term = f[k];
        for (size_t j = 0; j < count; ++j) {
          const T more = squares[j] > below ? term.weight(squares[j], scale) : T(0);
          w[j] = k ? w[j] + more : more;
        }
      }
    }
  }

  /// du_i += scale sum_j w_ij (u_i - v_j). Far pairs by one product, near ones by themselves.
  template <class T, class Terms>
  static void pull(const ProductSession& session, const CentredSet<T>& u, const CentredSet<T>& v,
                   RowRange rows, T scale, const Terms& f, const CentredSets<T>& sets,
                   MatrixView<T> du) {
    const size_t columns = du.columns;
    const size_t centres = v.own.count;
    const MatrixView<double> sums(sets.row_sums(), rows.count, centres, centres);  // of weights
    std::fill_n(sums.data, rows.count * centres, 0.0);
    const Tiling tiles(v.size());
    const auto is_near = [below = f.constant_below()](T t) { return !(t > 0) && !(-t <= below); };
    for (size_t k = 0; k < tiles.count; ++k) {
      const PairSquares<T> found = pair_squares(session, u, rows, v, tiles[k], sets.tile());
      const MatrixView<T> tile = found.tile;
      if (found.has_near)
        for_near_pairs(tile, is_near,
                       [&]<size_t m>(const std::array<size_t, 4>& i, const std::array<size_t, m>& j,
                                     size_t n) {
                         const auto pairs = differences_of(u, rows, i, v, tiles[k], j);
                         T weights[4][m] = {}, *to[4];
                         for (size_t a = 0; a < 4; ++a) {
                           to[a] = du.row(i[a]);
                           for (size_t b = 0; b < m && a < n; ++b) {
                             const T t = tile.row(i[a])[j[b]];
                             if (!is_near(t)) continue;
                             for (size_t c = 0; c < f.count(); ++c)
                               weights[a][b] += f[c].weight(-t, scale);
                           }
                         }
                         pairs.pull(weights, to);
                       });
      const uint32_t* centre_of = v.centre_of + tiles[k].first;
      for (size_t i = 0; i < rows.count; ++i) {
        T* w = tile.row(i);
        weigh(f, scale, tile.columns, w);
        if (centres == 1)
          sums.row(i)[0] += sum_lanes<double>(tile.columns, [=](size_t j) { return double(w[j]); });
        else
          for (size_t b = 0; b < centres; ++b)
            sums.row(i)[b] += sum_lanes<double>(tile.columns, [=, n = v.own.first + b](size_t j) {
              return centre_of[j] == n ? double(w[j]) : 0.0;
            });
      }
      serial_gemm<T>(session, false, false, T(-1), tile,
                     v.moved.block(tiles[k].first, tile.columns, 0, columns), T(1), du);
    }
    // What the points of v were moved by is missing from the product, and all of u_i.
    for (size_t i = 0; i < rows.count; ++i) {
      const T *ui = u.moved.row(rows.first + i), *a = u.centres[u.centre_of[rows.first + i]];
      T* to = du.row(i);
      for (size_t k = 0; k < centres; ++k) {
        const T sum = T(sums.row(i)[k]), *b = v.centres[v.own.first + k];
        if (a == b)
          for (size_t c = 0; c < columns; ++c) to[c] += sum * ui[c];
        else
          for (size_t c = 0; c < columns; ++c) to[c] += sum * (ui[c] + (a[c] - b[c]));
      }
    }
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
