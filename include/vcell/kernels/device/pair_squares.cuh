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

/// The squared distances of the cells of two tiles. Calls use(row, column, square) in the thread
/// that has it for each that is no padding; of a cell to itself within a set it is 0. Called by all
/// threads of a block of tile_threads; ends with a barrier.
///
/// They come from the Gram matrix of cells that were moved by a point amid them. Where a pair is
/// too near for that to keep the digits (near_share), all of its tile are taken from differences of
/// the cells as given.
///
/// @param memory  point_tile_memory<T> Fours in shared memory
/// @return whether the tile has such a pair
template <bool on_tensor_cores, class T, class Array, class Use>
__device__ bool for_pair_squares(const SetCells<T>& sets, size_t set, TilePair pair, Array& memory,
                                 Use use) {
  const SetTile<T> u = sets.tile(set, pair.row), v = sets.tile(set, pair.column);
  if (u.points.rows == 0 || v.points.rows == 0) return false;
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
  const Centre<T> centre = sets.centre(set, u.is_of_y, v.is_of_y);
  VCELL_SHARED(T, norms, 2 * tile_side);
  GramTile<T, on_tensor_cores> gram;
  T mine[4] = {};
  sum_over_columns<true>(gram, u.points, v.points, centre, memory, mine);
  for (unsigned i = 0; i < 4; ++i) {
    mine[i] += __shfl_xor_sync(~0u, mine[i], 1);
    mine[i] += __shfl_xor_sync(~0u, mine[i], 2);
    if (threadIdx.x % 4 == 0) norms[threadIdx.x / 4 + i * 32] = mine[i];
  }
  __syncthreads();
  unsigned near = 0;
  VCELL_UNROLL
  for (unsigned e = 0; e < tile_elements; ++e) {
    const unsigned i = gram.row(e), j = gram.column(e);
    const T u_norm = norms[i], v_norm = norms[tile_side + j];
    const T both = u_norm + v_norm, square = both - 2 * gram.sums[e];
    const bool is_itself = same && i == j;
    // Cells that are the centre are exact: 0 is no less than 0. What is not a number is near.
    near += !is_itself && !(square >= T(kernel::near_share) * both);
    gram.sums[e] = square;
  }
  using Direct = PointTile<T, SquaredDifference>;
  const bool has_near = block_reduce<tile_threads>(near, Sum{}) != 0;
  if (has_near) {
    Direct direct;
    sum_over_columns<false>(direct, u.points, v.points, centre, memory, mine);
    keep(direct);
  } else {
    keep(gram);
  }
  VCELL_ROLLED
  for (unsigned e = 0; e < tile_elements; e += 4) {
    const Four<T> four = memory[e / 4 * tile_threads + threadIdx.x];
    VCELL_UNROLL
    for (unsigned c = 0; c < 4; ++c) {
      const unsigned i = has_near ? Direct::row(e + c) : gram.row(e + c),
                     j = has_near ? Direct::column(e + c) : gram.column(e + c);
      if (i < u.points.rows && j < v.points.rows) use(i, j, same && i == j ? T(0) : four.v[c]);
    }
  }
  __syncthreads();  // before others use the memory
  return has_near;
}

}  // namespace device
VCELL_END_NAMESPACE
