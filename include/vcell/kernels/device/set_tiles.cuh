#pragma once

#include <cmath>

#include "vcell/kernels/device/point_tiles.cuh"

VCELL_BEGIN_NAMESPACE
namespace device {

/// Sizes of a batch of pairs of sets, and how their cells are cut into tiles: those of x, and then
/// those of y. A tile has cells of one set.
struct SetPairs {
  size_t sets, x_cells, y_cells, columns;

  VCELL_HOST_DEVICE size_t x_tiles() const { return (x_cells + tile_side - 1) / tile_side; }
  VCELL_HOST_DEVICE size_t tiles() const {
    return x_tiles() + (y_cells + tile_side - 1) / tile_side;
  }
  /// Of two tiles of a pair of sets, in any order, and of a tile with itself.
  VCELL_HOST_DEVICE size_t tile_pairs() const { return tiles() * (tiles() + 1) / 2; }
};

/// Two tiles of a pair of sets.
struct TilePair {
  size_t row, column;

  __device__ TilePair(size_t a, size_t b) : row(a), column(b) {}
  /// The k-th of those where column <= row.
  __device__ explicit TilePair(size_t k) {
    row = size_t((std::sqrt(8 * double(k) + 1) - 1) / 2);
    while (row * (row + 1) / 2 > k) --row;  // where the root was rounded
    while ((row + 1) * (row + 2) / 2 <= k) ++row;
    column = k - row * (row + 1) / 2;
  }
};

/// Some cells of a set, one below the other.
template <class T>
struct SetTile {
  Points<T> points;  // those that are no padding
  size_t first;      // in its set
  size_t cells;      // with padding
  bool is_of_y;
};

/// The cells of pairs of sets.
template <class T>
struct SetCells {
  const T *x, *y;                        // (B, S, D), (B, T, D)
  const int32_t *x_lengths, *y_lengths;  // (B) or null
  SetPairs shape;

  /// How many cells of a set are no padding.
  __device__ size_t size(size_t set, bool of_y) const {
    const int32_t* lengths = of_y ? y_lengths : x_lengths;
    const size_t cells = of_y ? shape.y_cells : shape.x_cells;
    return lengths && size_t(lengths[set]) < cells ? size_t(lengths[set]) : cells;
  }
  __device__ const T* set(size_t set, bool of_y) const {
    return of_y ? y + set * shape.y_cells * shape.columns : x + set * shape.x_cells * shape.columns;
  }
  __device__ bool whole(bool of_y) const { return holds_fours(of_y ? y : x, shape.columns); }
  __device__ SetTile<T> tile(size_t pair, size_t tile) const {
    const bool of_y = tile >= shape.x_tiles();
    const size_t first = (tile - (of_y ? shape.x_tiles() : 0)) * tile_side, n = size(pair, of_y),
                 left = n < first ? 0 : n - first,
                 all = (of_y ? shape.y_cells : shape.x_cells) - first;
    return {{set(pair, of_y) + first * shape.columns, left < tile_side ? left : tile_side,
             shape.columns, whole(of_y)},
            first,
            all < tile_side ? all : tile_side,
            of_y};
  }
  /// What the cells of two tiles are moved by: within a set a point amid it, across amid x.
  __device__ Centre<T> centre(size_t pair, bool u_of_y, bool v_of_y) const {
    const bool of_y = u_of_y && v_of_y;
    return {set(pair, of_y), size(pair, of_y), shape.columns, whole(of_y)};
  }
};

}  // namespace device
VCELL_END_NAMESPACE
