#pragma once

#include "vcell/kernels/device/four.cuh"
#include "vcell/kernels/device/mma.cuh"

// Sums over the columns of pairs of points: of 64 points u_i with 64 points v_j, by a block of 128
// threads, each with 32 pairs in registers. Columns come in chunks of 16, as Fours in shared
// memory, the next one while this one is worked on.
VCELL_BEGIN_NAMESPACE
namespace device {

constexpr unsigned tile_side = 64, tile_threads = 128, tile_depth = 16;
constexpr unsigned tile_elements = tile_side * tile_side / tile_threads;  // of a thread

/// u v: their sum is an element of the Gram matrix.
struct PointProduct {
  template <class T>
  __device__ static void add(T& sum, T u, T v) {
    sum += u * v;
  }
};

/// (u - v)^2
struct SquaredDifference {
  template <class T>
  __device__ static void add(T& sum, T u, T v) {
    const T difference = u - v;
    sum += difference * difference;
  }
};

/// |u - v|
struct AbsoluteDifference {
  template <class T>
  __device__ static void add(T& sum, T u, T v) {
    const T difference = u - v;
    sum += difference < 0 ? -difference : difference;
  }
};

/// sums_ij of a term, in plain arithmetic.
template <class T, class Term>
struct PointTile {
  static constexpr unsigned stride = tile_depth / 4 + 1;  // Fours of a point; odd: all banks differ
  static constexpr bool is_wide = sizeof(T) > 4;
  T sums[tile_elements] = {};

  __device__ static unsigned row(unsigned e) { return threadIdx.x / 16 + e / 4 * 8; }
  __device__ static unsigned column(unsigned e) { return threadIdx.x % 16 + e % 4 * 16; }

  /// Adds the columns of a chunk: Fours of the points u from there on, then those of v.
  template <class Array>
  __device__ void add(Array& memory, unsigned from) {
    const unsigned u = from, v = from + tile_side * stride;
    T chunk[tile_elements] = {};  // long sums of float keep more digits in two steps
    for (unsigned k = 0; k < tile_depth / 4; ++k) {
      Four<T> b[4];
      VCELL_UNROLL
      for (unsigned j = 0; j < 4; ++j) b[j] = memory[v + column(j) * stride + k];
      VCELL_UNROLL
      for (unsigned i = 0; i < 8; ++i) {
        const Four<T> a = memory[u + row(4 * i) * stride + k];
        VCELL_UNROLL
        for (unsigned j = 0; j < 4; ++j) {
          T& sum = is_wide ? sums[4 * i + j] : chunk[4 * i + j];
          for (unsigned c = 0; c < 4; ++c) Term::add(sum, a.v[c], b[j].v[c]);
        }
      }
    }
    VCELL_UNROLL
    for (unsigned e = 0; e < tile_elements && !is_wide; ++e) sums[e] += chunk[e];
  }
};

/// sums_ij of products, to nearly the digits of float32, by tensor cores: 32 x 32 a warp. A lane
/// takes a Four of columns where the PTX ISA has four columns apart: any order is one.
struct TensorPointTile {
  static constexpr unsigned stride = tile_depth / 4;
  float sums[tile_elements] = {};

  __device__ static unsigned row(unsigned e) {
    return threadIdx.x / 64 * 32 + e / 16 * 16 + places().c_row(e % 4);
  }
  __device__ static unsigned column(unsigned e) {
    return threadIdx.x / 32 % 2 * 32 + e / 4 % 4 * 8 + places().c_column(e % 4);
  }

  template <class Array>
  __device__ void add(Array& memory, unsigned from) {
    const auto at = places();
    const unsigned u = from + (threadIdx.x / 64 * 32 + at.group) * stride + at.member,
                   v = from + (tile_side + threadIdx.x / 32 % 2 * 32 + at.group) * stride +
                       at.member;
    SplitFragment<4> a[2][2];  // 16 rows, 8 columns each
    VCELL_UNROLL
    for (unsigned m = 0; m < 2; ++m)
      for (unsigned half = 0; half < 2; ++half) {
        const Four<float> four = memory[u + (m * 16 + half * 8) * stride];
        for (unsigned c = 0; c < 4; ++c) a[m][c / 2].set(half + c % 2 * 2, four.v[c]);
      }
    VCELL_UNROLL
    for (unsigned pair = 0; pair < 2; ++pair) {
      SplitFragment<2> b[2][2];  // 8 points, 8 columns each
      for (unsigned n = 0; n < 2; ++n) {
        const Four<float> four = memory[v + (pair * 2 + n) * 8 * stride];
        for (unsigned c = 0; c < 4; ++c) b[n][c / 2].set(c % 2, four.v[c]);
      }
      add_products(a, b, sums + pair * 8, 16);
    }
  }

  /// Two tiles of C by two, each started anew and then added, so that rounding towards zero stays
  /// small; four chains of products under way.
  /// @param to  the tile (m, n) at m * step + n * 4
  __device__ static void add_products(const SplitFragment<4> (&a)[2][2],
                                      const SplitFragment<2> (&b)[2][2], float* to, unsigned step) {
    float c[2][2][4] = {};
    VCELL_UNROLL
    for (unsigned k = 0; k < 2; ++k) {
      for (unsigned t = 0; t < 4; ++t)
        mma_tf32(c[t / 2][t % 2], a[t / 2][k].small, b[t % 2][k].big);
      for (unsigned t = 0; t < 4; ++t)
        mma_tf32(c[t / 2][t % 2], a[t / 2][k].big, b[t % 2][k].small);
      for (unsigned t = 0; t < 4; ++t) mma_tf32(c[t / 2][t % 2], a[t / 2][k].big, b[t % 2][k].big);
    }
    VCELL_UNROLL
    for (unsigned t = 0; t < 4; ++t)
      for (unsigned i = 0; i < 4; ++i) to[t / 2 * step + t % 2 * 4 + i] += c[t / 2][t % 2][i];
  }

 private:
  __device__ static FragmentPlaces<1> places() { return FragmentPlaces<1>(threadIdx.x % 32); }
};

/// Consecutive rows of a set, of which those from `rows` on are not read and count as 0.
template <class T>
struct Points {
  const T* first;
  size_t rows, columns;
  bool whole;  // whether they hold_fours

  __device__ Four<T> load(size_t row, size_t column) const {
    if (row < rows) return load_four(first + row * columns, column, columns, whole);
    return Four<T>{};
  }
};

/// A point amid a set: the mean of four of its cells.
template <class T>
struct Centre {
  const T* set;
  size_t cells, columns;
  bool whole;

  /// Cell i of the four.
  __device__ Four<T> load(unsigned i, size_t column) const {
    return load_four(set + cells * i / 4 * columns, column, columns, whole);
  }
  __device__ static Four<T> mean(const Four<T> (&cells_at)[4]) {
    Four<T> mean;
    for (unsigned k = 0; k < 4; ++k)
      mean.v[k] =
          ((cells_at[0].v[k] + cells_at[1].v[k]) + (cells_at[2].v[k] + cells_at[3].v[k])) * T(0.25);
    return mean;
  }
  /// Its four columns from there on.
  __device__ Four<T> operator()(size_t column) const {
    const Four<T> four[4] = {load(0, column), load(1, column), load(2, column), load(3, column)};
    return mean(four);
  }
  __device__ T at(size_t column) const {
    const auto cell = [&](unsigned i) { return set[cells * i / 4 * columns + column]; };
    return ((cell(0) + cell(1)) + (cell(2) + cell(3))) * T(0.25);
  }
};

/// Fours in shared memory that sum_over_columns asks for.
template <class T>
constexpr unsigned point_tile_memory = 2 * 2 * tile_side* PointTile<T, PointProduct>::stride;

/// The sums of a tile over all columns. Called by all threads of a block; ends with a barrier.
/// @tparam is_centred  whether the centre is taken off the points first
/// @param norms  with a centre: += the squares that this thread saw, in its Four of every chunk, of
///               rows r and r + 32 of u and of v; r is the thread's number / 4
template <bool is_centred, class Tile, class T, class Array>
__device__ void sum_over_columns(Tile& tile, const Points<T>& u, const Points<T>& v,
                                 const Centre<T>& centre, Array& memory, T (&norms)[4]) {
  constexpr unsigned stage = 2 * tile_side * Tile::stride;
  const unsigned r = threadIdx.x / 4, k = threadIdx.x % 4;
  Four<T> points[4], centres[4];
  const auto fetch = [&](size_t chunk) {
    const size_t column = chunk * tile_depth + 4 * k;
    for (unsigned i = 0; i < 4; ++i) points[i] = (i < 2 ? u : v).load(r + i % 2 * 32, column);
    if constexpr (is_centred)
      for (unsigned i = 0; i < 4; ++i) centres[i] = centre.load(i, column);
  };
  const auto store = [&](unsigned from) {
    if constexpr (is_centred) {
      const Four<T> c = Centre<T>::mean(centres);
      for (unsigned i = 0; i < 4; ++i) {
        if (r + i % 2 * 32 >= (i < 2 ? u : v).rows) continue;
        T square = 0;
        for (unsigned a = 0; a < 4; ++a) {
          points[i].v[a] -= c.v[a];
          square += points[i].v[a] * points[i].v[a];
        }
        norms[i] += square;
      }
    }
    for (unsigned i = 0; i < 4; ++i) memory[from + (r + i * 32) * Tile::stride + k] = points[i];
  };
  const size_t chunks = (u.columns + tile_depth - 1) / tile_depth;
  if (chunks == 0) return;
  fetch(0);
  store(0);
  __syncthreads();
  for (size_t chunk = 0; chunk < chunks; ++chunk) {
    if (chunk + 1 < chunks) fetch(chunk + 1);
    tile.add(memory, unsigned(chunk % 2) * stage);
    if (chunk + 1 < chunks) store(unsigned(1 - chunk % 2) * stage);
    __syncthreads();
  }
}

}  // namespace device
VCELL_END_NAMESPACE
