#pragma once

#include <algorithm>

#include "vcell/core/cmath.hpp"
#include "vcell/kernels/pair_squares.hpp"
#include "vcell/kernels/status.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// sigmas[k] *= the median distance of a batch of pairs of sets: of the distances above 0 between
/// two cells of x[b] and y[b] together, for all b, the lower one of two in the middle. Where there
/// is none, as all cells of a pair are in one place, sigmas stay. Sets have at least one cell;
/// padding is not read. Distances are those of SetDiscrepancy.
/// (S + T)^2 D flops a pair of sets; scratch for one number a pair of cells of the batch.
template <class Device>
struct MedianDistance : Missing<Device> {};

template <>
struct MedianDistance<Cpu> {
  template <class T>
  static size_t run_scratch(const Context<Cpu>& context, View<const T, 3> x, View<const T, 3> y,
                            const SetLengths<>&, View<T, 1>) {
    return CentredSets<T>::scratch_bytes(context, x.shape, y.shape) +
           scratch_bytes<T>(x.shape[0] * pairs(x.shape[1] + y.shape[1]));
  }
  template <class T>
  static Status run(const Context<Cpu>& context, View<const T, 3> x,  // (B, S, D)
                    View<const T, 3> y,                               // (B, T, D)
                    const SetLengths<>& lengths, View<T, 1> sigmas,   // (K)
                    Scratch<> scratch) {
    const size_t each = pairs(x.shape[1] + y.shape[1]);
    T* const squares = take_scratch<T>(scratch, x.shape[0] * each).data;
    std::fill_n(squares, x.shape[0] * each, T(0));  // padding stays there
    const CentredSets<T> sets(context, x, y, lengths, scratch.data);
    const size_t s = sets.x_tiles.count, ss = s + sets.x_own_tiles.count,
                 tiles = ss + sets.y_own_tiles.count;
    sets.for_groups([&](const PairGroup& group) {
      parallel_for(context, group.count * tiles, 1, [&](size_t begin, size_t end) {
        const ProductSession session;
        for (size_t i = begin; i < end; ++i) {
          const size_t k = i % tiles;
          const auto pair = sets.pair(group, i / tiles);
          const size_t n = pair.x.size(), m = pair.y.size();
          T* const all = squares + (group.first + i / tiles) * each;
          const auto find = [&](const CentredSet<T>& u, const Tiling& rows, size_t tile,
                                const CentredSet<T>& v, const Tiling& columns, T* to) {
            put(session, u, rows, tile, v, columns, sets.tile(), to);
          };
          if (k < s)
            find(pair.x, sets.x_tiles, k, pair.y, sets.y_tiles, all);
          else if (k < ss)
            find(pair.x, sets.x_own_tiles, k - s, pair.x, sets.x_own_tiles, all + n * m);
          else
            find(pair.y, sets.y_own_tiles, k - ss, pair.y, sets.y_own_tiles,
                 all + n * m + pairs(n));
        }
      });
    });
    T* const end = std::partition(squares, squares + x.shape[0] * each, [](T t) { return t > 0; });
    if (end == squares) return {};
    T* const middle = squares + (end - squares - 1) / 2;
    std::nth_element(squares, middle, end);
    for (T& sigma : sigmas) sigma *= std::sqrt(*middle);
    return {};
  }

 private:
  /// Pairs of two of n cells.
  static size_t pairs(size_t n) { return n * (n - (n > 0)) / 2; }

  /// The squared distances of a tile of rows of u to all rows of v, (n, m); within a set those to
  /// earlier rows, which lie one row after the other.
  template <class T>
  static void put(const ProductSession& session, const CentredSet<T>& u, const Tiling& rows,
                  size_t tile, const CentredSet<T>& v, const Tiling& columns, T* memory, T* to) {
    const bool own = u.moved.data == v.moved.data;
    for (size_t k = 0; k < (own ? tile + 1 : columns.count); ++k) {
      const RowRange some = rows[tile].below(u.size()), others = columns[k].below(v.size());
      const MatrixView<T> found = pair_squares(session, u, some, v, others, memory).tile;
      for (size_t i = 0; i < found.rows; ++i) {
        const size_t r = some.first + i,
                     n = own ? std::min(found.columns, r - std::min(r, others.first))
                             : found.columns;
        T* row = to + (own ? pairs(r) : r * v.size()) + others.first;
        for (size_t j = 0; j < n; ++j) row[j] = std::abs(found.row(i)[j]);
      }
    }
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
