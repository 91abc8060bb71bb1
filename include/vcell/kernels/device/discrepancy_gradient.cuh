#pragma once

#include "vcell/kernels/device/each.cuh"
#include "vcell/kernels/device/pair_squares.cuh"
#include "vcell/kernels/device/weighted_tiles.cuh"
#include "vcell/kernels/set_discrepancy.hpp"

VCELL_BEGIN_NAMESPACE
namespace device {

/// Blocks of a processor of the device that registers shall do for.
template <class T>
constexpr int tile_blocks = sizeof(T) > 4 ? 2 : 3;

/// What the sums of a pair of tiles count for: within x, within y or across.
enum class PairKind { within_x, within_y, across };

__device__ inline PairKind kind_of(const SetPairs& shape, TilePair pair) {
  const bool of_y = pair.row >= shape.x_tiles();
  if (of_y != (pair.column >= shape.x_tiles())) return PairKind::across;
  return of_y ? PairKind::within_y : PairKind::within_x;
}

/// Rows of tiles whose weights lie in memory together, the same ones of some pairs of sets.
struct WeightBand {
  size_t first_set, sets;  // pairs of sets
  size_t first, rows;      // the tiles whose cells have their gradients of these weights
  size_t tiles;            // of a pair of sets

  VCELL_HOST_DEVICE size_t places() const { return sets * rows * tiles; }
  /// Pairs of tiles of a pair of sets: of two of its rows one, since weights are symmetric, and its
  /// rows with the others.
  VCELL_HOST_DEVICE size_t pairs() const { return own_pairs() + rows * (tiles - rows); }
  __device__ TilePair pair(size_t k) const {
    if (k < own_pairs()) {
      const TilePair own(k);
      return {first + own.row, first + own.column};
    }
    const size_t others = tiles - rows, column = (k - own_pairs()) % others;
    return {first + (k - own_pairs()) / others, column < first ? column : column + rows};
  }
  __device__ bool has(size_t tile) const { return tile >= first && tile < first + rows; }
  /// Of a pair of tiles, in memory.
  __device__ size_t place(size_t slot, size_t row, size_t column) const {
    return (slot * rows + row - first) * tiles + column;
  }

 private:
  VCELL_HOST_DEVICE size_t own_pairs() const { return rows * (rows + 1) / 2; }
};

/// Whether a pair of tiles has near pairs of cells, whose gradients go by differences.
enum class NearPairs : uint32_t { none, some, all };

/// The weights w_ij of the pairs of cells of each pair of tiles of a band, a block each, and which
/// pairs are near. A tile (i, j) of two of the band's rows is written as (j, i)
/// too.
template <bool on_tensor_cores, class F, class T>
VCELL_KERNEL_FOR(tile_threads, tile_blocks<T>)
void discrepancy_weights(F function, kernel::DiscrepancyForm form, SetPairs shape, WeightBand band,
                         const T* g,                // (B)
                         const T* x,                // (B, S, D)
                         const T* y,                // (B, T, D)
                         const int32_t* x_lengths,  // (B) or null
                         const int32_t* y_lengths,  // (B) or null
                         const T* sigmas,           // (K)
                         size_t sigma_count,
                         T* weights,          // (places, 64, 64)
                         uint32_t* near,      // (places, 64, 2): the bits of the j of each i
                         NearPairs* kinds) {  // (places)
  constexpr unsigned side = tile_side;
  const SetCells<T> cells{x, y, x_lengths, y_lengths, shape};
  const auto f = function.of(View<const T, 1, Cuda>{sigmas, {sigma_count}});
  const T below = f.constant_below();
  VCELL_SHARED(Four<T>, memory, point_tile_memory<T>);
  for (size_t piece = blockIdx.x; piece < band.sets * band.pairs(); piece += gridDim.x) {
    const size_t slot = piece / band.pairs(), set = band.first_set + slot;
    const TilePair pair = band.pair(piece % band.pairs());
    const PairKind kind = kind_of(shape, pair);
    if (kind != PairKind::across && form.within == 0) continue;
    const double n = double(cells.size(set, false)), m = double(cells.size(set, true));
    const double share =
        kind == PairKind::across
            ? form.across / (n * m)
            : 2 * form.within / form.pairs_within(kind == PairKind::within_x ? n : m);
    const T scale = T(share * double(g[set]));
    const size_t place = band.place(slot, pair.row, pair.column);
    const bool mirrors = pair.row != pair.column && band.has(pair.column);
    const size_t mirrored = mirrors ? band.place(slot, pair.column, pair.row) : place;
    T *to = weights + place * side * side, *image = weights + mirrored * side * side;
    uint32_t *bits = near + place * 2 * side, *image_bits = near + mirrored * 2 * side;
    const auto put = [&](unsigned i, unsigned j, T w) {
      to[i * side + j] = w;
      if (mirrors) image[j * side + i] = w;
    };
    const unsigned rows = unsigned(cells.tile(set, pair.row).points.rows),
                   columns = unsigned(cells.tile(set, pair.column).points.rows);
    if (rows < side || columns < side)  // padding has no weight
      for (unsigned e = threadIdx.x; e < side * side; e += tile_threads)
        if (e / side >= rows || e % side >= columns) put(e / side, e % side, T(0));
    for (unsigned e = threadIdx.x; e < 2 * side; e += tile_threads) bits[e] = image_bits[e] = 0;
    __syncthreads();
    const unsigned found = for_pair_squares<on_tensor_cores>(
        cells, set, pair, memory, [&](unsigned i, unsigned j, T square, bool is_near) {
          T w = 0;
          if (!(square <= below))
            for (size_t k = 0; k < f.count(); ++k) w += f[k].weight(square, scale);
          put(i, j, w);
          if (!is_near) return;
          atomicOr(bits + i * 2 + j / 32, 1u << j % 32);
          if (mirrors) atomicOr(image_bits + j * 2 + i / 32, 1u << i % 32);
        });
    if (threadIdx.x == 0)
      kinds[place] = kinds[mirrored] = !found                   ? NearPairs::none
                                       : found > few_near_pairs ? NearPairs::all
                                                                : NearPairs::some;
  }
}

/// Of a tile of cells u and 64 of their columns du_i (+)= sum_j w_ij (u_i - v_j), a block each:
/// from the products of weights and moved cells, but of near pairs from differences.
template <bool on_tensor_cores, class T>
VCELL_KERNEL_FOR(tile_threads, on_tensor_cores ? 3 : 2)
void discrepancy_pull(kernel::DiscrepancyForm form, SetPairs shape, WeightBand band,
                      const T* x,                // (B, S, D)
                      const T* y,                // (B, T, D)
                      const int32_t* x_lengths,  // (B) or null
                      const int32_t* y_lengths,  // (B) or null
                      const T* weights,          // (places, 64, 64)
                      const uint32_t* near,      // (places, 64, 2)
                      const NearPairs* kinds,    // (places)
                      T* dx,                     // (B, S, D) or null
                      T* dy,                     // (B, T, D) or null
                      bool add_to_dx, bool add_to_dy) {
  using ProductTile = std::conditional_t<on_tensor_cores, TensorWeightedTile, WeightedTile<T>>;
  const SetCells<T> cells{x, y, x_lengths, y_lengths, shape};
  VCELL_SHARED(Four<T>, memory, weighted_tile_memory<T>);
  VCELL_SHARED(T, row_sums, 2 * tile_side);  // of weights, with tiles of x and of y
  const size_t slabs = (shape.columns + tile_side - 1) / tile_side;
  for (size_t piece = blockIdx.x; piece < band.sets * band.rows * slabs; piece += gridDim.x) {
    const size_t column = piece % slabs * tile_side, slot = piece / slabs / band.rows,
                 set = band.first_set + slot, row_tile = band.first + piece / slabs % band.rows;
    const SetTile<T> u = cells.tile(set, row_tile);
    const bool adds = u.is_of_y ? add_to_dy : add_to_dx;
    T* const du = (u.is_of_y ? dy + set * shape.y_cells * shape.columns
                             : dx + set * shape.x_cells * shape.columns) +
                  u.first * shape.columns;
    const size_t places = band.place(slot, row_tile, 0);
    const auto points_of = [&](size_t tile) { return cells.tile(set, tile).points; };
    // Those of near pairs are left out.
    const auto product_weights = [&](size_t tile, unsigned row, unsigned k) {
      const size_t at = (places + tile) * tile_side + row;
      Four<T> w = load_four(weights + at * tile_side, k, tile_side, true);
      const uint32_t bits = near[at * 2 + k / 32] >> k % 32;
      for (unsigned c = 0; c < 4; ++c)
        if (bits >> c & 1) w.v[c] = 0;
      return w;
    };
    // Tiles of x, then of y; those within a set may have no part.
    const size_t begin = form.within == 0 && !u.is_of_y ? shape.x_tiles() : 0,
                 end = u.points.rows == 0              ? begin
                       : form.within == 0 && u.is_of_y ? shape.x_tiles()
                                                       : band.tiles;
    ProductTile products;
    Four<T> centres[2] = {};
    const unsigned n = threadIdx.x % 16;  // the Four of columns that this thread has of its cells
    VCELL_UNROLL
    for (unsigned part = 0; part < 2; ++part) {
      const bool v_of_y = part == 1;
      const size_t first = v_of_y ? (begin > shape.x_tiles() ? begin : shape.x_tiles()) : begin,
                   last = v_of_y ? end : (end < shape.x_tiles() ? end : shape.x_tiles());
      T mine[2] = {};
      if (first < last) {
        centres[part] = cells.centre(set, u.is_of_y, v_of_y)(column + 4 * n);
        add_weighted(
            products, first, last,
            [&](size_t tile) { return kinds[places + tile] != NearPairs::all; }, product_weights,
            points_of, column, centres[part], memory, mine);
      }
      for (unsigned i = 0; i < 2; ++i) {
        mine[i] += __shfl_xor_sync(~0u, mine[i], 1);
        mine[i] += __shfl_xor_sync(~0u, mine[i], 2);
        if (threadIdx.x % 4 == 0) row_sums[part * tile_side + threadIdx.x / 4 + i * 32] = mine[i];
      }
    }
    products.keep(memory);
    __syncthreads();
    size_t near_tile = begin;
    while (near_tile < end && kinds[places + near_tile] == NearPairs::none) ++near_tile;
    const bool whole = holds_fours(u.is_of_y ? dy : dx, shape.columns);
    VCELL_ROLLED
    for (unsigned i = threadIdx.x / 16; i < (adds ? u.points.rows : u.cells);
         i += tile_threads / 16) {
      Four<T> pulled{};
      if (i < u.points.rows) {
        const Four<T> ui = u.points.load(i, column + 4 * n), product = memory[i * 16 + n];
        const T of_x = row_sums[i], of_y = row_sums[tile_side + i];
        for (unsigned c = 0; c < 4; ++c)
          pulled.v[c] = of_x * (ui.v[c] - centres[0].v[c]) + of_y * (ui.v[c] - centres[1].v[c]) -
                        product.v[c];
        VCELL_ROLLED
        for (size_t tile = near_tile; tile < end; ++tile) {
          if (kinds[places + tile] == NearPairs::none) continue;
          const Points<T> v = points_of(tile);
          const size_t at = (places + tile) * tile_side + i;
          Four<T> sum{};  // long sums of float keep more digits in two steps
          for (unsigned half = 0; half < 2; ++half)
            for (uint32_t left = near[at * 2 + half]; left; left &= left - 1) {
              const unsigned j = half * 32 + unsigned(__ffs(int(left))) - 1;
              const T w = weights[at * tile_side + j];
              if (w == 0) continue;  // often: they are in one place
              const Four<T> vj = v.load(j, column + 4 * n);
              for (unsigned c = 0; c < 4; ++c) sum.v[c] += w * (ui.v[c] - vj.v[c]);
            }
          for (unsigned c = 0; c < 4; ++c) pulled.v[c] += sum.v[c];
        }
      }
      T* const to = du + i * shape.columns;
      if (adds) {
        const Four<T> before = load_four(to, column + 4 * n, shape.columns, whole);
        for (unsigned c = 0; c < 4; ++c) pulled.v[c] += before.v[c];
      }
      store_four(pulled, to, column + 4 * n, shape.columns, whole);
    }
    __syncthreads();  // before the next piece comes to their places
  }
}

}  // namespace device
VCELL_END_NAMESPACE
