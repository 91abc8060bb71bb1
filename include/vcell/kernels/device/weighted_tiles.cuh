#pragma once

#include "vcell/kernels/device/point_tiles.cuh"

// Weighted sums of points: for 64 points u_i and 64 of their columns sum_k w_ik v_kc, by a block of
// tile_threads, each with 32 sums in registers. Points v_k come 16 at a time.
VCELL_BEGIN_NAMESPACE
namespace device {

/// Where shared memory has the Four of columns 4 n .. 4 n + 3 of point k of 16: so that threads
/// that read several points at a time find them in different banks.
__device__ inline unsigned place_of_four(unsigned k, unsigned n) {
  return k * (tile_side / 4) + (n ^ (k / 4 * 2));
}

/// sum_k w_ik v_kc in plain arithmetic.
template <class T>
struct WeightedTile {
  static constexpr unsigned stride = tile_depth / 4 + 1;  // Fours of a row of weights
  static constexpr bool is_wide = sizeof(T) > 4;
  T sums[tile_elements] = {};

  __device__ static unsigned row(unsigned i) { return threadIdx.x / 16 + i * 8; }

  /// Adds 16 points: Fours of the rows of weights from there on, then those of the points.
  template <class Array>
  __device__ void add(Array& memory, unsigned from) {
    T chunk[tile_elements] = {};  // long sums of float keep more digits in two steps
    for (unsigned k = 0; k < tile_depth / 4; ++k) {
      Four<T> v[4];
      VCELL_UNROLL
      for (unsigned c = 0; c < 4; ++c)
        v[c] = memory[from + tile_side * stride + place_of_four(4 * k + c, threadIdx.x % 16)];
      VCELL_UNROLL
      for (unsigned i = 0; i < 8; ++i) {
        const Four<T> w = memory[from + row(i) * stride + k];
        VCELL_UNROLL
        for (unsigned j = 0; j < 4; ++j) {
          T& sum = is_wide ? sums[4 * i + j] : chunk[4 * i + j];
          for (unsigned c = 0; c < 4; ++c) sum += w.v[c] * v[c].v[j];
        }
      }
    }
    VCELL_UNROLL
    for (unsigned e = 0; e < tile_elements && !is_wide; ++e) sums[e] += chunk[e];
  }
  /// Puts the sums into shared memory, 16 Fours a row.
  template <class Array>
  __device__ void keep(Array& memory) const {
    VCELL_UNROLL
    for (unsigned i = 0; i < 8; ++i) {
      Four<T> four;
      VCELL_UNROLL
      for (unsigned j = 0; j < 4; ++j) four.v[j] = sums[4 * i + j];
      memory[row(i) * 16 + threadIdx.x % 16] = four;
    }
  }
};

/// sum_k w_ik v_kc to nearly the digits of float32, by tensor cores.
struct TensorWeightedTile {
  static constexpr unsigned stride = tile_depth / 4;
  float sums[tile_elements] = {};

  template <class Array>
  __device__ void add(Array& memory, unsigned from) {
    const auto at = places();
    const unsigned w = from + (threadIdx.x / 64 * 32 + at.group) * stride + at.member;
    SplitFragment<4> a[2][2];  // 16 rows, 8 points each
    VCELL_UNROLL
    for (unsigned m = 0; m < 2; ++m)
      for (unsigned half = 0; half < 2; ++half) {
        const Four<float> four = memory[w + (m * 16 + half * 8) * stride];
        for (unsigned c = 0; c < 4; ++c) a[m][c / 2].set(half + c % 2 * 2, four.v[c]);
      }
    Four<float> v[4];
    VCELL_UNROLL
    for (unsigned c = 0; c < 4; ++c)
      v[c] = memory[from + tile_side * stride +
                    place_of_four(4 * at.member + c, threadIdx.x / 32 % 2 * 8 + at.group)];
    VCELL_UNROLL
    for (unsigned pair = 0; pair < 2; ++pair) {
      SplitFragment<2> b[2][2];
      for (unsigned n = 0; n < 2; ++n)
        for (unsigned c = 0; c < 4; ++c) b[n][c / 2].set(c % 2, v[c].v[pair * 2 + n]);
      TensorPointTile::add_products(a, b, sums + pair * 8, 16);
    }
  }
  /// Puts the sums into shared memory, 16 Fours a row.
  template <class Array>
  __device__ void keep(Array& memory) const {
    const auto at = places();
    VCELL_UNROLL
    for (unsigned m = 0; m < 2; ++m) VCELL_UNROLL
    for (unsigned i = 0; i < 4; ++i) {
      Four<float> four;
      VCELL_UNROLL
      for (unsigned j = 0; j < 4; ++j) four.v[j] = sums[16 * m + 4 * j + i];
      memory[(threadIdx.x / 64 * 32 + m * 16 + at.c_row(i)) * 16 + threadIdx.x / 32 % 2 * 8 +
             at.c_column(i)] = four;
    }
  }

 private:
  __device__ static FragmentPlaces<1> places() { return FragmentPlaces<1>(threadIdx.x % 32); }
};

/// Fours in shared memory that add_weighted asks for.
template <class T>
constexpr unsigned weighted_tile_memory = 2 * (tile_side * WeightedTile<T>::stride +
                                               tile_depth * tile_side / 4);

/// Adds the points of several tiles of 64. Called by all threads of a block; ends with a barrier.
/// @param first, last  numbers of the tiles
/// @param wanted     wanted(tile): whether it counts
/// @param weights    weights(tile, row, k): its weights of points k .. k + 3
/// @param points_of  points_of(tile): its points; weights of others are 0
/// @param column     the first of the 64
/// @param centre     is taken off the points: four columns from column + 4 (threadIdx.x % 16) on
/// @param row_sums   += what this thread saw of the weights of rows r and r + 32; r is the
///                   thread's number / 4
template <class Tile, class T, class Array, class Wanted, class Weights, class PointsOf>
__device__ void add_weighted(Tile& tile, size_t first, size_t last, Wanted wanted, Weights weights,
                             PointsOf points_of, size_t column, const Four<T>& centre,
                             Array& memory, T (&row_sums)[2]) {
  constexpr unsigned stage = tile_side * Tile::stride + tile_depth * tile_side / 4;
  const unsigned r = threadIdx.x / 4, k = threadIdx.x % 4;    // of weights
  const unsigned p = threadIdx.x / 16, n = threadIdx.x % 16;  // of points
  size_t at = first;                                          // the tile that is fetched next
  unsigned depth = 0;                                         // its first point
  Points<T> points{};
  const auto find = [&] {  // the next one that has any
    for (; at < last; ++at) {
      points = points_of(at);
      if (depth < points.rows && wanted(at)) return;
      depth = 0;
    }
  };
  Four<T> w[2], v[2];
  const auto fetch = [&] {
    for (unsigned i = 0; i < 2; ++i) {
      w[i] = weights(at, r + i * 32, depth + 4 * k);
      const unsigned row = depth + p + i * 8;
      v[i] = points.load(row, column + 4 * n);
      if (row < points.rows)
        for (unsigned c = 0; c < 4; ++c) v[i].v[c] -= centre.v[c];
    }
    depth += tile_depth;
    if (depth == tile_side) {
      ++at;
      depth = 0;
    }
    find();
  };
  const auto store = [&](unsigned from) {
    for (unsigned i = 0; i < 2; ++i) {
      row_sums[i] += (w[i].v[0] + w[i].v[1]) + (w[i].v[2] + w[i].v[3]);
      memory[from + (r + i * 32) * Tile::stride + k] = w[i];
      memory[from + tile_side * Tile::stride + place_of_four(p + i * 8, n)] = v[i];
    }
  };
  find();
  if (at >= last) return;
  fetch();
  store(0);
  __syncthreads();
  for (unsigned from = 0;; from = stage - from) {
    const bool more = at < last;
    if (more) fetch();
    tile.add(memory, from);
    if (more) store(stage - from);
    __syncthreads();
    if (!more) return;
  }
}

}  // namespace device
VCELL_END_NAMESPACE
