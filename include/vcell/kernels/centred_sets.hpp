#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "vcell/kernels/find_centres.hpp"
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

/// A set as it was given and moved, each point by a centre: the mean of the set, or one of several
/// where it lies in clusters. For a point u_i and a point v_j of the same set, or of the other of
/// the pair, that were moved to u'_i and v'_j by the centres a and b
///
///   ||u_i - v_j||^2 = u.squares[b][i] + v.squares[a][j] - 2 u'_i . v'_j,
///   u.squares[b][i] = ||u_i - b||^2 - 1/2 ||a - b||^2,
///
/// with an error of some units of rounding of what is largest: u.norms[i] + v.norms[j], or the
/// result. Without one of these far apart neither the centres nor their squares can be.
template <class T>
struct CentredSet {
  MatrixView<const T> given;  // (n, D)
  MatrixView<T> moved;        // (n, D)
  T* norms;                   // (n) squared, of moved
  MatrixView<T> squares;      // (centres of both sets of the pair, n)
  uint32_t* centre_of;        // (n) the number of each point's
  const T** centres;          // by number, (D) each
  RowRange own;               // numbers of those of this set

  size_t size() const { return given.rows; }
};

/// A pair of sets.
template <class T>
struct CentredPair {
  CentredSet<T> x, y;
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
    points_ = part<T>(2 * columns);  // after the means
    squares_ = points_ + part<T>(rows * columns);
    centre_of_ = squares_ + part<T>((1 + centre_count) * rows);  // norms come first
    centres_ = centre_of_ + part<uint32_t>(rows);
    counts_ = centres_ + part<const T*>(centre_count);
    sums_ = counts_ + part<size_t>(2);
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

  /// For every pair under way S + T points and what is kept of each, for every thread a tile and
  /// the sums of its rows.
  static size_t scratch_bytes(const Context<Cpu>& context, const Shape<3>& x, const Shape<3>& y) {
    const CentredSets sets(context, {nullptr, x}, {nullptr, y}, {}, nullptr);
    return sets.slots_ * sets.pair_ + size_t(context.pool().size()) * thread_bytes;
  }

  /// Calls f(group) until all pairs have been in one; pair(group, k) is good until f returns.
  template <class F>
  void for_groups(F f) const {
    const auto run = [&](const PairGroup& group) {
      find_means(group);
      find_clusters(group);
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
    return {set(group, k, 0), set(group, k, 1), at<double>(group.slot + k, sums_)};
  }

  /// Memory of the calling thread for a tile of `largest` rows and columns.
  T* tile() const { return reinterpret_cast<T*>(thread_part()); }
  /// One for every row of the tile and centre that a set may have.
  double* row_sums() const { return reinterpret_cast<double*>(thread_part() + tile_bytes); }

 private:
  // Everything begins at a cache line, for every pair and thread alike: products may take another
  // path, with other bytes, where the alignment is another.
  template <class U>
  static constexpr size_t part(size_t count) {
    return (count * sizeof(U) + 63) / 64 * 64;
  }
  static constexpr size_t tile_bytes = part<T>(Tiling::largest * Tiling::largest),
                          thread_bytes = tile_bytes + part<double>(Tiling::largest * most_centres),
                          centre_count = 2 * most_centres;  // of a pair of sets

  template <class U>
  U* at(size_t k, size_t offset) const {
    return reinterpret_cast<U*>(scratch_ + k * pair_ + offset);
  }
  std::byte* thread_part() const {
    return scratch_ + slots_ * pair_ + thread_index(context_.pool()) * thread_bytes;
  }
  /// Side 0, x, or 1, y, of pair group.first + k.
  CentredSet<T> set(const PairGroup& group, size_t k, size_t side) const {
    const size_t slot = group.slot + k, columns = x_.shape[2], rows = x_.shape[1] + y_.shape[1],
                 first = side ? x_.shape[1] : 0;
    const MatrixView<const T> given = side ? y_set(group.first + k) : x_set(group.first + k);
    T *points = at<T>(slot, points_), *norms = at<T>(slot, squares_);
    return {given,
            {points + first * columns, given.rows, columns, columns},
            norms + first,
            {norms + rows + first, centre_count, given.rows, rows},
            at<uint32_t>(slot, centre_of_) + first,
            at<const T*>(slot, centres_),
            {side * most_centres, at<size_t>(slot, counts_)[side]}};
  }

  void find_means(const PairGroup& group) const {
    constexpr size_t grain = 1024;  // columns, which few sets have more of
    const size_t columns = x_.shape[2], pieces = (columns + grain - 1) / grain;
    parallel_for(context_, group.count * pieces, 1, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        const size_t k = i / pieces, from = i % pieces * grain, n = std::min(grain, columns - from);
        T* means = at<T>(group.slot + k, 0) + from;
        find_mean<grain>(x_set(group.first + k), from, n, means);
        find_mean<grain>(y_set(group.first + k), from, n, means + columns);
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

  void find_clusters(const PairGroup& group) const {
    parallel_for(context_, 2 * group.count, 1, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        const size_t k = i / 2, slot = group.slot + k, side = i % 2;
        size_t& count = at<size_t>(slot, counts_)[side];
        count = 1;
        const CentredSet<T> u = set(group, k, side);
        u.centres[u.own.first] = at<T>(slot, 0) + side * x_.shape[2];  // its mean
        count = find_centres(u.given, u.own.first, u.centres, u.centre_of, u.squares);
      }
    });
  }

  void move(const PairGroup& group) const {
    constexpr size_t grain = 16;  // rows
    const size_t x_pieces = (x_.shape[1] + grain - 1) / grain,
                 pieces = x_pieces + (y_.shape[1] + grain - 1) / grain;
    parallel_for(context_, group.count * pieces, 1, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        const size_t k = i / pieces, piece = i % pieces, side = piece >= x_pieces;
        const CentredSet<T> u = set(group, k, side), v = set(group, k, 1 - side);
        const RowRange rows = RowRange{(piece - side * x_pieces) * grain, grain}.below(u.size());
        for (size_t r = rows.first; r < rows.first + rows.count; ++r) move(u, r, v);
      }
    });
  }

  /// Point i of u, and its place among the centres of u and v.
  static void move(const CentredSet<T>& u, size_t i, const CentredSet<T>& v) {
    const size_t columns = u.moved.columns, own = u.centre_of[i];
    const T *from = u.given.row(i), *a = u.centres[own];
    T* to = u.moved.row(i);
    for (size_t c = 0; c < columns; ++c) to[c] = from[c] - a[c];
    u.norms[i] = sum_lanes<T>(columns, [=](size_t c) { return to[c] * to[c]; });
    const RowRange both[] = {u.own, v.own};  // by name: nvcc 13 loses a list in the loop itself
    for (const RowRange& some : both)
      for (size_t k = some.first; k < some.first + some.count; ++k) {
        const T* b = u.centres[k];
        u.squares.row(k)[i] = k == own ? u.norms[i] : sum_lanes<T>(columns, [=](size_t c) {
          const T gap = a[c] - b[c], t = to[c] + gap;
          return t * t - gap * gap / 2;
        });
      }
  }

  View<const T, 3> x_, y_;
  SetLengths<> lengths_;
  std::byte* scratch_;
  Context<Cpu> context_;
  size_t points_, squares_, centre_of_, centres_, counts_, sums_,
      pair_;          // bytes from the beginning of a pair's part; of all of it
  size_t slots_ = 0;  // pairs under way
  bool by_thread_;    // each thread works on a pair of its own
};

}  // namespace kernel
VCELL_END_NAMESPACE
