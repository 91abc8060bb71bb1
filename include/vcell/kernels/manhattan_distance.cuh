#pragma once

#include "vcell/kernels/device/each.cuh"
#include "vcell/kernels/device/reduce.cuh"
#include "vcell/kernels/device/set_tiles.cuh"
#include "vcell/kernels/manhattan_distance.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

/// The sum of the distances of a tile of x to a tile of y, a block each.
template <class T>
VCELL_KERNEL_FOR(device::tile_threads, sizeof(T) > 4 ? 2 : 3)
void manhattan_sums(device::SetPairs shape,
                    const T* x,                // (B, S, D)
                    const T* y,                // (B, T, D)
                    const int32_t* x_lengths,  // (B) or null
                    const int32_t* y_lengths,  // (B) or null
                    double* sums) {            // (B, tiles of x, tiles of y)
  using namespace device;
  const SetCells<T> cells{x, y, x_lengths, y_lengths, shape};
  VCELL_SHARED(Four<T>, memory, point_tile_memory<T>);
  const size_t x_tiles = shape.x_tiles(), y_tiles = shape.tiles() - x_tiles;
  for (size_t piece = blockIdx.x; piece < shape.sets * x_tiles * y_tiles; piece += gridDim.x) {
    const size_t set = piece / y_tiles / x_tiles;
    const Points<T> u = cells.tile(set, piece / y_tiles % x_tiles).points,
                    v = cells.tile(set, x_tiles + piece % y_tiles).points;
    PointTile<T, AbsoluteDifference> distances;
    T unused[4] = {};
    if (u.rows && v.rows) sum_over_columns<false>(distances, u, v, Centre<T>{}, memory, unused);
    double sum = 0;
    VCELL_UNROLL
    for (unsigned e = 0; e < tile_elements; ++e)
      if (distances.row(e) < u.rows && distances.column(e) < v.rows)
        sum += double(distances.sums[e]);
    sum = block_reduce<tile_threads>(sum, Sum{});
    if (threadIdx.x == 0) sums[piece] = sum;
  }
}

/// e[b] from the sums of its tiles, a block each.
template <class T>
VCELL_KERNEL void manhattan_mean(device::SetPairs shape,
                                 const int32_t* x_lengths,  // (B) or null
                                 const int32_t* y_lengths,  // (B) or null
                                 const double* sums,        // (B, tiles of x, tiles of y)
                                 T* e) {                    // (B)
  const device::SetCells<T> cells{nullptr, nullptr, x_lengths, y_lengths, shape};
  const size_t x_tiles = shape.x_tiles(), n = x_tiles * (shape.tiles() - x_tiles);
  for (size_t b = blockIdx.x; b < shape.sets; b += gridDim.x) {
    double sum = 0;
    for (size_t i = threadIdx.x; i < n; i += device::tile_threads) sum += sums[b * n + i];
    sum = device::block_reduce<device::tile_threads>(sum, device::Sum{});
    if (threadIdx.x == 0)
      e[b] = T(sum / (double(cells.size(b, false)) * double(cells.size(b, true))));
  }
}

constexpr unsigned sign_columns = 32, sign_groups = 4, sign_rows = 8;  // a block; rows a thread

/// du_ic (+)= the mean of sign(u_ic - v_jc) times g: 32 rows and columns a block, which counts.
template <bool accumulate, class T>
VCELL_KERNEL void manhattan_pull(size_t sets, size_t u_cells, size_t v_cells, size_t columns,
                                 const T* g,                // (B)
                                 const T* u,                // (B, u_cells, D)
                                 const T* v,                // (B, v_cells, D)
                                 const int32_t* u_lengths,  // (B) or null
                                 const int32_t* v_lengths,  // (B) or null
                                 T* du) {                   // (B, u_cells, D)
  constexpr unsigned side = sign_groups * sign_rows;
  const size_t slabs = (columns + sign_columns - 1) / sign_columns,
               tiles = (u_cells + side - 1) / side;
  for (size_t piece = blockIdx.x; piece < sets * tiles * slabs; piece += gridDim.x) {
    const size_t b = piece / slabs / tiles,
                 first = piece / slabs % tiles * side + threadIdx.x / sign_columns * sign_rows,
                 c = piece % slabs * sign_columns + threadIdx.x % sign_columns;
    if (c >= columns) continue;
    const auto size = [&](const int32_t* lengths, size_t cells) {
      return lengths && size_t(lengths[b]) < cells ? size_t(lengths[b]) : cells;
    };
    const size_t n = size(u_lengths, u_cells), m = size(v_lengths, v_cells);
    const T* const from = u + (b * u_cells + first) * columns + c;
    const T* const others = v + b * v_cells * columns + c;
    T* const to = du + (b * u_cells + first) * columns + c;
    T mine[sign_rows];
    int sums[sign_rows] = {};
    VCELL_UNROLL
    for (unsigned i = 0; i < sign_rows; ++i) mine[i] = first + i < n ? from[i * columns] : T(0);
    for (size_t j = 0; j < m; ++j) {
      const T other = others[j * columns];
      VCELL_UNROLL
      for (unsigned i = 0; i < sign_rows; ++i)
        sums[i] += int(mine[i] > other) - int(mine[i] < other);
    }
    const T share = T(double(g[b]) / (double(n) * double(m)));
    VCELL_UNROLL
    for (unsigned i = 0; i < sign_rows; ++i) {
      if (first + i < n)
        device::put<accumulate>(to[i * columns], share * T(sums[i]));
      else if (!accumulate && first + i < u_cells)
        to[i * columns] = 0;
    }
  }
}

}  // namespace detail

template <>
struct ManhattanDistance<Cuda> {
  template <class T>
  static size_t forward_scratch(const Context<Cuda>&, View<const T, 3, Cuda> x,
                                View<const T, 3, Cuda> y, const SetLengths<Cuda>&,
                                View<T, 1, Cuda>) {
    return scratch_bytes<double>(tiles(shape_of(x, y)));
  }
  template <class T>
  static Status forward(const Context<Cuda>& context, View<const T, 3, Cuda> x,  // (B, S, D)
                        View<const T, 3, Cuda> y,                                // (B, T, D)
                        const SetLengths<Cuda>& lengths, View<T, 1, Cuda> e,     // (B)
                        Scratch<Cuda> scratch) {
    const device::SetPairs shape = shape_of(x, y);
    if (tiles(shape) == 0) return {};
    double* const sums = take_scratch<double>(scratch, tiles(shape)).data;
    const dim3 threads{device::tile_threads};
    const Status status =
        device::launch(context, detail::manhattan_sums<T>, device::grid_for(tiles(shape)), threads,
                       shape, x.data, y.data, lengths.x.data, lengths.y.data, sums);
    if (!status.ok()) return status;
    return device::launch(context, detail::manhattan_mean<T>, device::grid_for(shape.sets), threads,
                          shape, lengths.x.data, lengths.y.data, sums, e.data);
  }

  template <class T>
  static Status backward(const Context<Cuda>& context, View<const T, 1, Cuda> g,  // (B)
                         View<const T, 3, Cuda> x,                                // (B, S, D)
                         View<const T, 3, Cuda> y,                                // (B, T, D)
                         const SetLengths<Cuda>& lengths, Target<T, 3, Cuda> dx,  // (B, S, D)
                         Target<T, 3, Cuda> dy) {                                 // (B, T, D)
    const auto side = [&](View<const T, 3, Cuda> u, const int32_t* u_lengths,
                          View<const T, 3, Cuda> v, const int32_t* v_lengths,
                          const Target<T, 3, Cuda>& du) -> Status {
      constexpr size_t rows = detail::sign_groups * detail::sign_rows;
      const size_t sets = u.shape[0], columns = u.shape[2],
                   pieces = sets * ((u.shape[1] + rows - 1) / rows) *
                            ((columns + detail::sign_columns - 1) / detail::sign_columns);
      if (!du || pieces == 0) return {};
      const auto function =
          du.accumulate ? detail::manhattan_pull<true, T> : detail::manhattan_pull<false, T>;
      return device::launch(context, function, device::grid_for(pieces),
                            dim3{detail::sign_columns * detail::sign_groups}, sets, u.shape[1],
                            v.shape[1], columns, g.data, u.data, v.data, u_lengths, v_lengths,
                            du.view.data);
    };
    const Status status = side(x, lengths.x.data, y, lengths.y.data, dx);
    if (!status.ok()) return status;
    return side(y, lengths.y.data, x, lengths.x.data, dy);
  }

 private:
  template <class T>
  static device::SetPairs shape_of(View<const T, 3, Cuda> x, View<const T, 3, Cuda> y) {
    return {x.shape[0], x.shape[1], y.shape[1], x.shape[2]};
  }
  static size_t tiles(const device::SetPairs& shape) {
    return shape.sets * shape.x_tiles() * (shape.tiles() - shape.x_tiles());
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
