#pragma once

#include <type_traits>

#include "vcell/kernels/device/reduce.cuh"
#include "vcell/kernels/device/set_tiles.cuh"
#include "vcell/kernels/find_centres.hpp"

VCELL_BEGIN_NAMESPACE
namespace device {

/// The sums of products that squared distances are made of: in plain arithmetic, or on tensor
/// cores, which have float alone.
template <class T, bool on_tensor_cores>
using GramTile = std::conditional_t<on_tensor_cores, TensorPointTile, PointTile<T, PointProduct>>;

/// ||u_i - v_j||^2 from differences. Called by all lanes of a warp, each of which gets it.
template <class T>
__device__ T pair_square(const Points<T>& u, unsigned i, const Points<T>& v, unsigned j) {
  T sum = 0;
  for (size_t c = threadIdx.x % warp_size * 4; c < u.columns; c += warp_size * 4) {
    const Four<T> a = u.load(i, c), b = v.load(j, c);
    for (unsigned k = 0; k < 4; ++k) SquaredDifference::add(sum, a.v[k], b.v[k]);
  }
  return warp_reduce(sum, Sum{});
}

/// Near pairs of a tile that are taken one by one. A pair takes a warp 2 D numbers from memory,
/// where a tile that is taken as a whole reads 128 D for its 4096 pairs: so not many more.
constexpr unsigned few_near_pairs = tile_side * tile_side / 16;

/// The squared distances of the cells of two tiles. Calls use(row, column, square, is_near) in the
/// thread that has it for each that is no padding; of a cell to itself within a set it is 0. Called
/// by all threads of a block of tile_threads; ends with a barrier.
///
/// They come from the Gram matrix of cells that were moved by a point amid them. A pair that is too
/// near for that to keep the digits (near_share) is taken from the differences of the cells as
/// given; and so are, where they are more than few_near_pairs, all pairs of the tile, which then
/// all count as near. A cell is not near to itself.
///
/// @param memory  point_tile_memory<T> Fours in shared memory
/// @return how many near pairs were found, the same in all threads
template <bool on_tensor_cores, class T, class Array, class Use>
__device__ unsigned for_pair_squares(const SetCells<T>& sets, size_t set, TilePair pair,
                                     Array& memory, Use use) {
  const SetTile<T> u = sets.tile(set, pair.row), v = sets.tile(set, pair.column);
  if (u.points.rows == 0 || v.points.rows == 0) return 0;
  const bool same = pair.row == pair.column;
  // Kept in shared memory, each by the thread that has it, so that use is compiled once and has
  // the registers for itself.
  const auto keep = [&](const auto& tile) {
    VCELL_UNROLL
    for (unsigned e = 0; e < tile_elements; e += 4) {
      Four<T> four;
      VCELL_UNROLL
      for (unsigned c = 0; c < 4; ++c) four.v[c] = tile.sums[e + c];
      memory[e / 4 * tile_threads + threadIdx.x] = four;
    }
  };
  using Gram = GramTile<T, on_tensor_cores>;
  using Direct = PointTile<T, SquaredDifference>;
  const Centre<T> centre = sets.centre(set, u.is_of_y, v.is_of_y);
  VCELL_SHARED(T, norms, 2 * tile_side);
  T mine[4] = {};
  unsigned near = 0, count = 0;  // a bit for each element of this thread; how many
  static_assert(tile_elements == 32);
  {
    Gram gram;
    sum_over_columns<true>(gram, u.points, v.points, centre, memory, mine);
    for (unsigned i = 0; i < 4; ++i) {
      mine[i] += __shfl_xor_sync(~0u, mine[i], 1);
      mine[i] += __shfl_xor_sync(~0u, mine[i], 2);
      if (threadIdx.x % 4 == 0) norms[threadIdx.x / 4 + i * 32] = mine[i];
    }
    __syncthreads();
    VCELL_UNROLL
    for (unsigned e = 0; e < tile_elements; ++e) {
      const unsigned i = Gram::row(e), j = Gram::column(e);
      const T u_norm = norms[i], v_norm = norms[tile_side + j];
      const T both = u_norm + v_norm, square = both - 2 * gram.sums[e];
      const bool is_itself = same && i == j;
      // Cells that are the centre are exact: 0 is no less than 0. What is not a number is near.
      const bool is_near = !is_itself && !(square >= T(kernel::near_share) * both);
      near |= unsigned(is_near) << e;
      count += is_near;
      gram.sums[e] = square;
    }
    keep(gram);
  }
  count = block_reduce<tile_threads>(count, Sum{});
  const bool all = count > few_near_pairs;
  if (all) {
    Direct direct;
    sum_over_columns<false>(direct, u.points, v.points, centre, memory, mine);
    keep(direct);
    near = ~0u;
  } else if (count) {  // the warp takes those of its lanes, one lane after the other
    VCELL_ROLLED
    for (unsigned lane = 0; lane < warp_size; ++lane)
      for (unsigned left = __shfl_sync(~0u, near, int(lane)); left; left &= left - 1) {
        const unsigned e = unsigned(__ffs(int(left))) - 1;
        const unsigned i = __shfl_sync(~0u, Gram::row(e), int(lane)),
                       j = __shfl_sync(~0u, Gram::column(e), int(lane));
        const T square = pair_square(u.points, i, v.points, j);
        if (threadIdx.x % warp_size != lane) continue;
        Four<T> four = memory[e / 4 * tile_threads + threadIdx.x];
        VCELL_UNROLL
        for (unsigned c = 0; c < 4; ++c)
          if (c == e % 4) four.v[c] = square;
        memory[e / 4 * tile_threads + threadIdx.x] = four;
      }
  }
  VCELL_ROLLED
  for (unsigned e = 0; e < tile_elements; e += 4) {
    const Four<T> four = memory[e / 4 * tile_threads + threadIdx.x];
    VCELL_UNROLL
    for (unsigned c = 0; c < 4; ++c) {
      const unsigned i = all ? Direct::row(e + c) : Gram::row(e + c),
                     j = all ? Direct::column(e + c) : Gram::column(e + c);
      if (i < u.points.rows && j < v.points.rows)
        use(i, j, same && i == j ? T(0) : four.v[c], (near >> (e + c) & 1) != 0);
    }
  }
  __syncthreads();  // before others use the memory
  return count;
}

}  // namespace device
VCELL_END_NAMESPACE
