#pragma once

#include <array>
#include <cstdint>

#include "vcell/kernels/centred_sets.hpp"
#include "vcell/kernels/differences.hpp"
#include "vcell/kernels/serial_gemm.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// Squared distances of pairs of cells, a tile of them.
template <class T>
struct PairSquares {
  MatrixView<T> tile;
  bool has_near;  // any of them with the other sign
};

/// Calls f(i, j, n) for four rows i of the tile, of which the last 4 - n only fill up, and four
/// or one columns j, so that every element that is_near is met once.
template <class T, class IsNear, class F>
void for_near_pairs(MatrixView<T> tile, IsNear is_near, F f) {
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

/// The cells of these rows of both tiles, as they were given.
template <class T, size_t m>
Differences<T, m> differences_of(const CentredSet<T>& u, RowRange rows,
                                 const std::array<size_t, 4>& i, const CentredSet<T>& v,
                                 RowRange others, const std::array<size_t, m>& j) {
  Differences<T, m> pairs{u.given.columns, {}, {}};
  for (size_t a = 0; a < 4; ++a) pairs.u[a] = u.given.row(rows.first + i[a]);
  for (size_t b = 0; b < m; ++b) pairs.v[b] = v.given.row(others.first + j[b]);
  return pairs;
}

/// The squared distances of some rows of u to some of v: above 0 from the Gram matrix; those of
/// near pairs have the other sign. Of a row to itself within a set: 0.
/// @param memory  (rows, others)
template <class T>
PairSquares<T> pair_squares(const ProductSession& session, const CentredSet<T>& u, RowRange rows,
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
  for_near_pairs(
      tile, [](T t) { return !(t >= 0); },
      [&]<size_t m>(const std::array<size_t, 4>& i, const std::array<size_t, m>& j, size_t n) {
        const auto pairs = differences_of(u, rows, i, v, others, j);
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

}  // namespace kernel
VCELL_END_NAMESPACE
