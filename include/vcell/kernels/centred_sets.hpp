#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "vcell/kernels/lanes.hpp"
#include "vcell/kernels/matrix_view.hpp"
#include "vcell/tensor/scratch.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// Consecutive rows of a set.
struct RowRange {
  size_t first, count;

  /// Those of them that are below n.
  RowRange below(size_t n) const {
    return {std::min(first, n), std::min(first + count, n) - std::min(first, n)};
  }
};

/// How many cells of each set, (B), are no padding; null: all.
template <class Device = Cpu>
struct SetLengths {
  View<const int32_t, 1, Device> x{}, y{};
};

/// n rows cut into tiles, all alike but the last one: large where there are many, so that the
/// product library does well, else small, so that there are some for every thread.
struct Tiling {
  static constexpr size_t largest = 256;
  size_t n, rows, count;

  /// @param divisor  how many times smaller than usual
  explicit Tiling(size_t n_rows, size_t divisor = 1) : n(n_rows) {
    const size_t limit = (n < 2 * largest ? largest / 2 : largest) / divisor;
    count = (n + limit - 1) / limit;
    rows = count ? (n + count - 1) / count : 0;
    count = rows ? (n + rows - 1) / rows : 0;  // rows are rounded up: the last may not be needed
  }
  RowRange operator[](size_t i) const { return {i * rows, std::min(rows, n - i * rows)}; }
};

/// A set as it was given and moved by its mean. For a point u_i of it and v_j of another, moved to
/// u'_i and v'_j: ||u_i - v_j||^2 = u.squares[i] + v.squares[j] - 2 u'_i . v'_j, with an error that
/// u.bounds[i] + v.bounds[j] bounds, times a few units of rounding.
template <class T>
struct CentredSet {
  MatrixView<const T> given, moved;  // (n, D)
  const T *squares, *bounds;         // (n)
  const T* shift;  // (D), to be added to moved to have the place of v as the origin; null: 0

  size_t size() const { return given.rows; }
};

/// A pair of sets: x against x, y against y, and x_across against y_across.
template <class T>
struct CentredPair {
  CentredSet<T> x, y, x_across, y_across;
  double* sums;  // one for each tile
};

/// Pairs of sets that are under way together, and where the first lies in scratch.
struct PairGroup {
  size_t first, count, slot;
};

/// Moves pairs of sets for kernels that work on tiles of their distances. Where there are many
/// pairs, each thread takes one of its own at a time; else all threads work on as many as take
/// 4 MiB a thread, or give each of them a tile or two. The number of threads decides on that alone,
/// which has no effect on a result.
template <class T>
class CentredSets {
 public:
  /// Of x and y; and those of x with x and y with y, where symmetry saves more with smaller ones.
  const Tiling x_tiles, y_tiles, x_own_tiles, y_own_tiles;

  /// @param scratch  scratch_bytes(context, x.shape, y.shape), 64-byte aligned
  /// @param lengths  of each set how many rows are no padding, which is not read; null: all
  CentredSets(const Context<Cpu>& context, View<const T, 3> x,  // (B, S, D)
              View<const T, 3> y,                               // (B, T, D)
              const SetLengths<>& lengths, std::byte* scratch)
      : x_tiles(x.shape[1]),
        y_tiles(y.shape[1]),
        x_own_tiles(x.shape[1], 2),
        y_own_tiles(y.shape[1], 2),
        x_(x),
        y_(y),
        lengths_(lengths),
        scratch_(scratch),
        context_(context) {
    const size_t columns = x.shape[2], rows = x.shape[1] + y.shape[1];
    points_ = part<T>(mean_rows * columns);  // after the means
    squares_ = points_ + part<T>(rows * columns);
    sums_ = squares_ + part<T>(3 * rows);
    pair_ = sums_ + part<double>(x_tiles.count + x_own_tiles.count + y_own_tiles.count);
    const size_t sets = x.shape[0], threads = size_t(context.pool().size()), mib = size_t(1) << 20;
    by_thread_ = sets >= 2 * threads && pair_ <= 16 * mib;
    if (by_thread_) {
      slots_ = threads;
      return;
    }
    const size_t tiles = std::max<size_t>(1, x_tiles.count + y_tiles.count),
                 fit = threads * 4 * mib / std::max<size_t>(1, pair_),
                 busy = (2 * threads + tiles - 1) / tiles;
    slots_ = std::min(sets, std::max<size_t>({1, fit, busy}));
  }

  /// For every pair under way S + T points, for every thread a tile and the sums of its rows.
  static size_t scratch_bytes(const Context<Cpu>& context, const Shape<3>& x, const Shape<3>& y) {
    const CentredSets sets(context, {nullptr, x}, {nullptr, y}, {}, nullptr);
    return sets.slots_ * sets.pair_ + size_t(context.pool().size()) * thread_bytes;
  }

  /// Calls f(group) until all pairs have been in one; pair(group, k) is good until f returns.
  template <class F>
  void for_groups(F f) const {
    const auto run = [&](const PairGroup& group) {
      find_means(group);
      move(group);
      f(group);
    };
    const size_t sets = x_.shape[0];
    if (by_thread_)
      parallel_for(context_, sets, 1, [&](size_t begin, size_t end) {
        for (size_t b = begin; b < end; ++b) run({b, 1, thread_index(context_.pool())});
      });
    else
      for (size_t b = 0; b < sets; b += slots_) run({b, std::min(slots_, sets - b), 0});
  }

  /// Pair group.first + k.
  CentredPair<T> pair(const PairGroup& group, size_t k) const {
    const size_t s = x_.shape[1], t = y_.shape[1], columns = x_.shape[2];
    const size_t b = group.first + k;
    const MatrixView<const T> all = points(group.slot + k), x = x_set(b), y = y_set(b),
                              x_moved = all.block(0, x.rows, 0, columns),
                              y_moved = all.block(s, y.rows, 0, columns);
    const auto squares = [&](size_t kind) { return row_squares(group.slot + k) + kind * (s + t); };
    const T* shift = at<T>(group.slot + k, 0) + 2 * columns;
    return {{x, x_moved, squares(own), squares(own), nullptr},
            {y, y_moved, squares(own) + s, squares(own) + s, nullptr},
            {x, x_moved, squares(across), squares(bound), shift},
            {y, y_moved, squares(across) + s, squares(bound) + s, shift + columns},
            at<double>(group.slot + k, sums_)};
  }

  /// Memory of the calling thread for a tile of `largest` rows and columns.
  T* tile() const { return reinterpret_cast<T*>(thread_part()); }
  /// One for every row of the tile.
  double* row_sums() const { return reinterpret_cast<double*>(thread_part() + tile_bytes); }

 private:
  // Everything begins at a cache line, for every pair and thread alike: products may take another
  // path, with other bytes, where the alignment is another.
  template <class U>
  static constexpr size_t part(size_t count) {
    return (count * sizeof(U) + 63) / 64 * 64;
  }
  static constexpr size_t tile_bytes = part<T>(Tiling::largest * Tiling::largest),
                          thread_bytes = tile_bytes + part<double>(Tiling::largest);

  template <class U>
  U* at(size_t k, size_t offset) const {
    return reinterpret_cast<U*>(scratch_ + k * pair_ + offset);
  }
  std::byte* thread_part() const {
    return scratch_ + slots_ * pair_ + thread_index(context_.pool()) * thread_bytes;
  }
  MatrixView<T> points(size_t k) const {
    const size_t columns = x_.shape[2];
    return {at<T>(k, points_), x_.shape[1] + y_.shape[1], columns, columns};
  }
  T* row_squares(size_t k) const { return at<T>(k, squares_); }

  /// The means of x and y, mean of x - mean of y, and that with the other sign.
  void find_means(const PairGroup& group) const {
    constexpr size_t grain = 1024;  // columns, which few sets have more of
    const size_t columns = x_.shape[2], pieces = (columns + grain - 1) / grain;
    parallel_for(context_, group.count * pieces, 1, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        const size_t k = i / pieces, from = i % pieces * grain, n = std::min(grain, columns - from);
        T *x = at<T>(group.slot + k, 0) + from, *y = x + columns, *shift = y + columns,
          *back = shift + columns;
        find_mean<grain>(x_set(group.first + k), from, n, x);
        find_mean<grain>(y_set(group.first + k), from, n, y);
        for (size_t c = 0; c < n; ++c) {
          shift[c] = x[c] - y[c];
          back[c] = -shift[c];
        }
      }
    });
  }

  /// Set b without its padding.
  View<const T, 2> x_set(size_t b) const { return without_padding(x_[b], lengths_.x, b); }
  View<const T, 2> y_set(size_t b) const { return without_padding(y_[b], lengths_.y, b); }
  static View<const T, 2> without_padding(View<const T, 2> set, View<const int32_t, 1> lengths,
                                          size_t b) {
    if (lengths) set.shape[0] = std::min(set.shape[0], size_t(lengths[b]));
    return set;
  }

  template <size_t grain>
  static void find_mean(View<const T, 2> set, size_t from, size_t n, T* mean) {
    const size_t rows = set.shape[0], columns = set.shape[1];
    double sums[grain] = {};
    constexpr size_t few = 4;  // whose sum in T costs no digit that a centre needs
    size_t r = 0;
    for (; r + few <= rows; r += few) {
      const T *a = set.data + r * columns + from, *b = a + columns, *c = b + columns,
              *d = c + columns;
      for (size_t k = 0; k < n; ++k) sums[k] += double((a[k] + b[k]) + (c[k] + d[k]));
    }
    for (; r < rows; ++r)
      for (size_t k = 0; k < n; ++k) sums[k] += double(set.data[r * columns + from + k]);
    for (size_t k = 0; k < n; ++k) mean[k] = T(sums[k] / double(rows));
  }

  void move(const PairGroup& group) const {
    constexpr size_t grain = 16;  // rows
    const size_t s = x_.shape[1], columns = x_.shape[2], rows = s + y_.shape[1];
    parallel_for(context_, group.count * rows, grain, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        const size_t b = group.first + i / rows, slot = group.slot + i / rows, r = i % rows;
        const bool of_x = r < s;
        if (of_x ? r >= x_set(b).shape[0] : r - s >= y_set(b).shape[0]) continue;  // padding
        const T* from = of_x ? x_[b].data + r * columns : y_[b].data + (r - s) * columns;
        const T *means = at<T>(slot, 0), *mean = means + (of_x ? 0 : columns),
                *shift = means + 2 * columns;
        T* to = points(slot).row(r);
        for (size_t c = 0; c < columns; ++c) to[c] = from[c] - mean[c];
        // With x' + shift against y': ||x' + shift||^2 + (||y'||^2 - 2 shift . y') - 2 x' . y'.
        const T norm = sum_lanes<T>(columns, [=](size_t c) { return to[c] * to[c]; });
        const T other = of_x ? sum_lanes<T>(columns,
                                            [=](size_t c) {
                                              const T v = to[c] + shift[c];
                                              return v * v;
                                            })
                             : sum_lanes<T>(columns, [=](size_t c) { return to[c] * shift[c]; });
        T* squares = row_squares(slot) + r;
        squares[own * rows] = norm;
        squares[across * rows] = of_x ? other : norm - 2 * other;
        squares[bound * rows] = of_x ? norm + other : norm;
      }
    });
  }

  static constexpr size_t mean_rows = 4;                   // rows before the points
  static constexpr size_t own = 0, across = 1, bound = 2;  // rows of squares
  View<const T, 3> x_, y_;
  SetLengths<> lengths_;
  std::byte* scratch_;
  Context<Cpu> context_;
  size_t points_, squares_, sums_,
      pair_;          // bytes from the beginning of a pair's part; of all of it
  size_t slots_ = 0;  // pairs under way
  bool by_thread_;    // each thread works on a pair of its own
};

}  // namespace kernel
VCELL_END_NAMESPACE
