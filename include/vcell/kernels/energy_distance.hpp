#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "vcell/kernels/centred_sets.hpp"
#include "vcell/kernels/differences.hpp"
#include "vcell/kernels/serial_gemm.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/kernels/target.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// The energy distance of pairs of sets, with uniform weights and the Euclidean norm:
///
///   d(u, v) = sqrt(max(||u - v||^2, floor))
///   e[b] = mean_ij d(x_i, y_j) - 1/2 mean_ij d(x_i, x_j) - 1/2 mean_ij d(y_i, y_j)
///
///   dx_i (+)= g[b] (1/(S T) sum_j (x_i - y_j) / d_ij - 1/S^2 sum_j (x_i - x_j) / d_ij)
///
/// diagonals included; pairs at distance 0 and pairs that are not above the floor have gradient 0.
/// A set has at least one cell, the floor is at least 0. Padding is not read, its gradient is 0.
///
/// Squared distances come from the Gram matrices of sets that were moved: each by its own mean, or
/// the points of each of its clusters by a centre of these, which the distances then make up for.
/// Pairs too near for that to keep the digits are taken from the difference of the points as given,
/// which is exact where they are close.
/// (S^2 + 2 S T + T^2) D flops a pair of sets forward where S and T are many tiles, at most twice
/// that where they are one; backward 4 (S^2 + S T) D for x, 4 (T^2 + S T) D for y.
template <class Device>
struct EnergyDistance : Missing<Device> {};

template <>
struct EnergyDistance<Cpu> {
  template <class T>
  static size_t forward_scratch(const Context<Cpu>& context, View<const T, 3> x, View<const T, 3> y,
                                const SetLengths<>&, View<T, 1>, T) {
    return CentredSets<T>::scratch_bytes(context, x.shape, y.shape);
  }
  template <class T>
  static Status forward(const Context<Cpu>& context, View<const T, 3> x,  // (B, S, D)
                        View<const T, 3> y,                               // (B, T, D)
                        const SetLengths<>& lengths, View<T, 1> e,        // (B)
                        T floor_squared, Scratch<> scratch) {
    const CentredSets<T> sets(context, x, y, lengths, scratch.data);
    const size_t s = sets.x_tiles.count, ss = s + sets.x_own_tiles.count,
                 tiles = ss + sets.y_own_tiles.count;
    sets.for_groups([&](const PairGroup& group) {
      parallel_for(context, group.count * tiles, 1, [&](size_t begin, size_t end) {
        const ProductSession session;
        for (size_t i = begin; i < end; ++i) {
          const size_t k = i % tiles;
          const auto pair = sets.pair(group, i / tiles);
          const auto sum = [&](const CentredSet<T>& u, const Tiling& rows, size_t tile,
                               const CentredSet<T>& v, const Tiling& columns) {
            return sum_of_distances(session, u, rows, tile, v, columns, floor_squared, sets.tile());
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
        e[group.first + k] = T(total(0, s) / (n * m) - 0.5 * total(s, ss) / (n * n) -
                               0.5 * total(ss, tiles) / (m * m));
      }
    });
    return {};
  }

  template <class T>
  static size_t backward_scratch(const Context<Cpu>& context, View<const T, 1>, View<const T, 3> x,
                                 View<const T, 3> y, const SetLengths<>&, Target<T, 3>,
                                 Target<T, 3>, T) {
    return CentredSets<T>::scratch_bytes(context, x.shape, y.shape);
  }
  template <class T>
  static Status backward(const Context<Cpu>& context, View<const T, 1> g,  // (B)
                         View<const T, 3> x,                               // (B, S, D)
                         View<const T, 3> y,                               // (B, T, D)
                         const SetLengths<>& lengths, Target<T, 3> dx,     // (B, S, D)
                         Target<T, 3> dy,                                  // (B, T, D)
                         T floor_squared, Scratch<> scratch) {
    const CentredSets<T> sets(context, x, y, lengths, scratch.data);
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
            pull(session, u, v, rows, T(gb / (n * double(v.size()))), floor_squared, sets, to);
            pull(session, u, u, rows, T(-gb / (n * n)), floor_squared, sets, to);
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
  /// The distances of a tile of rows of u to all rows of v, summed; within a set those to the rows
  /// of earlier tiles count there.
  template <class T>
  static double sum_of_distances(const ProductSession& session, const CentredSet<T>& u,
                                 const Tiling& rows, size_t first, const CentredSet<T>& v,
                                 const Tiling& columns, T floor_squared, T* memory) {
    const bool own = u.moved.data == v.moved.data;
    double sum = 0;
    for (size_t k = own ? first : 0; k < columns.count; ++k) {
      const MatrixView<T> tile =
          squares(session, u, rows[first].below(u.size()), v, columns[k].below(v.size()), memory)
              .tile;
      double part = 0;
      for (size_t i = 0; i < tile.rows; ++i)
        part += sum_lanes<double>(tile.columns, [&, t = tile.row(i)](size_t j) {
          const T square = std::abs(t[j]);
          return double(std::sqrt(square <= floor_squared ? floor_squared : square));
        });
      sum += own && k != first ? 2 * part : part;
    }
    return sum;
  }

  /// du_i += weight sum_j (u_i - v_j) / d_ij. Far pairs by one product, near ones by themselves.
  template <class T>
  static void pull(const ProductSession& session, const CentredSet<T>& u, const CentredSet<T>& v,
                   RowRange rows, T weight, T floor_squared, const CentredSets<T>& sets,
                   MatrixView<T> du) {
    const size_t columns = du.columns;
    const size_t centres = v.own.count;
    const MatrixView<double> sums(sets.row_sums(), rows.count, centres, centres);  // of weights
    std::fill_n(sums.data, rows.count * centres, 0.0);
    const Tiling tiles(v.size());
    const auto is_near = [=](T t) { return !(t > 0) && !(-t <= floor_squared); };
    for (size_t k = 0; k < tiles.count; ++k) {
      const Squares<T> found = squares(session, u, rows, v, tiles[k], sets.tile());
      const MatrixView<T> tile = found.tile;
      if (found.has_near)
        for_near(tile, is_near,
                 [&]<size_t m>(const std::array<size_t, 4>& i, const std::array<size_t, m>& j,
                               size_t n) {
                   const auto pairs = differences(u, rows, i, v, tiles[k], j);
                   T weights[4][m] = {}, *to[4];
                   for (size_t a = 0; a < 4; ++a) {
                     to[a] = du.row(i[a]);
                     for (size_t b = 0; b < m && a < n; ++b) {
                       const T t = tile.row(i[a])[j[b]];
                       if (is_near(t)) weights[a][b] = weight / std::sqrt(-t);
                     }
                   }
                   pairs.pull(weights, to);
                 });
      const uint32_t* centre_of = v.centre_of + tiles[k].first;
      for (size_t i = 0; i < rows.count; ++i) {
        T* w = tile.row(i);
        for (size_t j = 0; j < tile.columns; ++j)
          w[j] = w[j] > floor_squared ? weight / std::sqrt(w[j]) : T(0);
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

  template <class T>
  struct Squares {
    MatrixView<T> tile;
    bool has_near;
  };

  /// The squared distances of some rows of u to some of v: above 0 from the Gram matrix; those of
  /// near pairs have the other sign.
  template <class T>
  static Squares<T> squares(const ProductSession& session, const CentredSet<T>& u, RowRange rows,
                            const CentredSet<T>& v, RowRange others, T* memory) {
    const size_t columns = u.moved.columns;
    const MatrixView<T> tile(memory, rows.count, others.count, others.count);
    serial_gemm<T>(session, false, true, T(1), u.moved.block(rows.first, rows.count, 0, columns),
                   v.moved.block(others.first, others.count, 0, columns), T(0), tile);
    const T* v_norms = v.norms + others.first;
    const uint32_t* centre_of = v.centre_of + others.first;
    uint32_t count = 0;  // of near pairs
    for (size_t i = 0; i < tile.rows; ++i) {
      const size_t r = rows.first + i;
      const T u_norm = u.norms[r], *v_squares = v.squares.row(u.centre_of[r]) + others.first;
      T *t = tile.row(i), u_squares[2 * most_centres];
      const auto finish = [&](auto u_square) {
        for (size_t j = 0; j < tile.columns; ++j) {
          const T square = u_square(j) + v_squares[j] - 2 * t[j];
          // Points that are their centres are exact: 0 is no less than 0.
          const bool is_far = square >= T(near_share) * (u_norm + v_norms[j]);
          t[j] = is_far ? square : T(-1);
          count += is_far ? 0 : 1;
        }
      };
      for (size_t k = v.own.first; k < v.own.first + v.own.count; ++k)
        u_squares[k] = u.squares.row(k)[r];
      if (v.own.count == 1)
        finish([square = u_squares[v.own.first]](size_t) { return square; });
      else
        finish([&](size_t j) { return u_squares[centre_of[j]]; });
    }
    if (u.moved.data == v.moved.data && rows.first == others.first)
      for (size_t i = 0; i < tile.rows; ++i) {
        count -= tile.row(i)[i] < 0;
        tile.row(i)[i] = T(0);
      }
    if (count == 0) return {tile, false};
    for_near(
        tile, [](T t) { return !(t >= 0); },
        [&]<size_t m>(const std::array<size_t, 4>& i, const std::array<size_t, m>& j, size_t n) {
          const auto pairs = differences(u, rows, i, v, others, j);
          T near_squares[4][m];
          pairs.squares(near_squares);
          for (size_t a = 0; a < n; ++a)
            for (size_t b = 0; b < m; ++b) {
              T& t = tile.row(i[a])[j[b]];
              if (!(t >= 0)) t = -near_squares[a][b];
            }
        });
    return {tile, true};
  }

  /// Calls f(i, j, n) for four rows i of the tile, of which the last 4 - n only fill up, and four
  /// or one columns j, so that every element that is_near is met once.
  template <class T, class IsNear, class F>
  static void for_near(MatrixView<T> tile, IsNear is_near, F f) {
    for (size_t first = 0; first < tile.rows; first += 4) {
      const size_t n = std::min<size_t>(4, tile.rows - first);
      uint16_t columns[Tiling::largest];
      size_t count = 0;
      for (size_t a = 0; a < n; ++a) {
        const T* t = tile.row(first + a);
        for (size_t j = 0; j < tile.columns; ++j) count += is_near(t[j]);
      }
      if (count == 0) continue;
      count = 0;
      for (size_t j = 0; j < tile.columns; ++j) {
        bool any = false;
        for (size_t a = 0; a < n; ++a) any |= is_near(tile.row(first + a)[j]);
        columns[count] = uint16_t(j);
        count += any;
      }
      std::array<size_t, 4> i;
      for (size_t a = 0; a < 4; ++a) i[a] = first + std::min(a, n - 1);
      size_t k = 0;
      for (; k + 4 <= count; k += 4)
        f(i, std::array<size_t, 4>{columns[k], columns[k + 1], columns[k + 2], columns[k + 3]}, n);
      for (; k < count; ++k) f(i, std::array<size_t, 1>{columns[k]}, n);
    }
  }

  template <class T, size_t m>
  static Differences<T, m> differences(const CentredSet<T>& u, RowRange rows,
                                       const std::array<size_t, 4>& i, const CentredSet<T>& v,
                                       RowRange others, const std::array<size_t, m>& j) {
    Differences<T, m> pairs{u.given.columns, {}, {}};
    for (size_t a = 0; a < 4; ++a) pairs.u[a] = u.given.row(rows.first + i[a]);
    for (size_t b = 0; b < m; ++b) pairs.v[b] = v.given.row(others.first + j[b]);
    return pairs;
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
