#pragma once

#include "vcell/kernels/device/sinkhorn_tiles.cuh"

VCELL_BEGIN_NAMESPACE
namespace device {

/// Of the plans' rows: the largest (h_j - c_ij) and the sum of exponentials below it. Tiles of rows
/// from first_tile on, whose gradients are wanted.
template <class T>
VCELL_KERNEL void sinkhorn_plan_rows(const T* x,                // (B, S, D)
                                     const T* y,                // (B, T, D)
                                     const int32_t* x_lengths,  // (B) or null
                                     const int32_t* y_lengths,  // (B) or null
                                     const double* norms,       // (B, S + T)
                                     const double* potentials,  // (B, 2, S + T)
                                     double* largest,           // (B, 2, S + T)
                                     double* sums,              // (B, 2, S + T)
                                     SinkhornShape shape, size_t first_tile, size_t tiles,
                                     double eps) {
  for (size_t k = blockIdx.x; k < shape.sets * tiles * 2; k += gridDim.x) {
    const size_t b = k / 2 / tiles, which = k % 2, start = (b * 2 + which) * shape.rows();
    const SinkhornPair<T> pair(x, y, x_lengths, y_lengths, shape, b);
    const SinkhornRange rows = pair.tile(shape, first_tile + k / 2 % tiles);
    if (rows.count == 0) continue;
    for_each_log_sum(pair, rows, which ? pair.other(rows.first) : pair.own(rows.first),
                     norms + b * shape.rows(), potentials + start, eps,
                     [&](size_t i, const LogSum& sum) {
                       largest[start + i] = sum.largest;
                       sums[start + i] = sum.sum;
                     });
  }
}

/// The gradient of a tile of rows for each block. Plans are made again, sinkhorn_plan_columns of
/// their columns at a time, and their products with the points added up in `totals`, where each
/// thread finds again what it wrote itself.
constexpr size_t sinkhorn_plan_columns = 2 * sinkhorn_columns;

template <class T>
VCELL_KERNEL void sinkhorn_gradient(const T* g,                // (B)
                                    const T* x,                // (B, S, D)
                                    const T* y,                // (B, T, D)
                                    const int32_t* x_lengths,  // (B) or null
                                    const int32_t* y_lengths,  // (B) or null
                                    const double* norms,       // (B, S + T)
                                    const double* potentials,  // (B, 2, S + T)
                                    const double* largest,     // (B, 2, S + T)
                                    const double* sums,        // (B, 2, S + T)
                                    double* totals,            // (B, S + T, D)
                                    T* dx,                     // (B, S, D)
                                    T* dy,                     // (B, T, D)
                                    bool add_to_dx, bool add_to_dy, SinkhornShape shape,
                                    size_t first_tile, size_t tiles, double eps) {
  using Tile = SinkhornTile;
  constexpr size_t width = sinkhorn_columns, plan_pitch = sinkhorn_plan_columns + 1;
  VCELL_SHARED(double, plan, sinkhorn_rows* plan_pitch);
  VCELL_SHARED(double, left, Tile::left_size);
  VCELL_SHARED(double, right, Tile::right_size);  // of costs, then of points
  const double rate = 1 / eps;
  const size_t columns = shape.columns;
  for (size_t k = blockIdx.x; k < shape.sets * tiles; k += gridDim.x) {
    const size_t b = k / tiles, tile = first_tile + k % tiles;
    const SinkhornPair<T> pair(x, y, x_lengths, y_lengths, shape, b);
    const bool is_x = tile < shape.x_tiles(), adds = is_x ? add_to_dx : add_to_dy;
    const size_t size = is_x ? shape.x_rows : shape.y_rows;
    const size_t top = (is_x ? tile : tile - shape.x_tiles()) * sinkhorn_rows;
    T* du = (is_x ? dx : dy) + (b * size + top) * columns;
    const SinkhornRange rows = pair.tile(shape, tile);
    if (!adds)
      for (size_t i = rows.count; i < sinkhorn_rows && top + i < size; ++i)
        for (size_t c = threadIdx.x; c < columns; c += sinkhorn_threads) du[i * columns + c] = 0;
    if (rows.count == 0) continue;
    const double scale = double(g[b]) / double(pair.own(rows.first).count);
    double* total = totals + (b * shape.rows() + rows.first) * columns;

    for (size_t which = 0; which < 2; ++which) {
      const auto others = which ? pair.other(rows.first) : pair.own(rows.first);
      const size_t start = (b * 2 + which) * shape.rows();
      for (size_t from = 0; from < others.count; from += sinkhorn_plan_columns) {
        const size_t remaining = others.count - from,
                     count = remaining < sinkhorn_plan_columns ? remaining : sinkhorn_plan_columns;
        const bool is_first = which == 0 && from == 0, is_last = which == 1 && remaining == count;
        // Padding of the tile has weight 0.
        for (size_t e = threadIdx.x; e < sinkhorn_rows * sinkhorn_plan_columns;
             e += sinkhorn_threads)
          plan[e / sinkhorn_plan_columns * plan_pitch + e % sinkhorn_plan_columns] = 0;
        __syncthreads();
        for (size_t part = 0; part < count; part += width) {
          const SinkhornRange some = {others.first + from + part,
                                      count - part < width ? count - part : width};
          for_each_cost(pair, rows, some, norms + b * shape.rows(), left, right,
                        [&](size_t i, size_t j, double cost) {
                          const size_t row = start + rows.first + Tile::row(i);
                          const double gap = potentials[start + some.first + Tile::column(j)] -
                                             cost - largest[row];
                          plan[Tile::row(i) * plan_pitch + part + Tile::column(j)] =
                              std::exp(gap * rate) * ((which ? -1 : 1) / sums[row]);
                        });
        }
        for (size_t c = 0; c < columns; c += width) {
          double product[4][4] = {};
          for (size_t p = 0; p < count; p += Tile::depth) {
            __syncthreads();  // the plan is whole, and nobody reads the points before
            for (size_t e = threadIdx.x; e < Tile::depth * width; e += sinkhorn_threads) {
              const size_t q = e / width, column = c + e % width;
              right[q * Tile::pitch + e % width] =
                  p + q < count && column < columns ? pair.at(others.first + from + p + q, column)
                                                    : 0;
            }
            __syncthreads();
            for (size_t q = 0; q < Tile::depth; ++q) {
              double u[4], v[4];
              for (size_t i = 0; i < 4; ++i) u[i] = plan[Tile::row(i) * plan_pitch + p + q];
              for (size_t j = 0; j < 4; ++j) v[j] = right[q * Tile::pitch + Tile::column(j)];
              for (size_t i = 0; i < 4; ++i)
                for (size_t j = 0; j < 4; ++j) product[i][j] += u[i] * v[j];
            }
          }
          VCELL_UNROLL
          for (size_t i = 0; i < 4; ++i) {
            VCELL_UNROLL
            for (size_t j = 0; j < 4; ++j) {
              const size_t r = Tile::row(i), column = c + Tile::column(j);
              if (r >= rows.count || column >= columns) continue;
              double* sum = total + r * columns + column;
              const double now = is_first ? product[i][j] : *sum + product[i][j];
              if (!is_last)
                *sum = now;
              else if (adds)
                du[r * columns + column] += T(scale * now);
              else
                du[r * columns + column] = T(scale * now);
            }
          }
        }
        __syncthreads();  // nobody may write the next plan while another still reads this one
      }
    }
  }
}

}  // namespace device
VCELL_END_NAMESPACE
