#pragma once

#include <cstdint>

#include "vcell/kernels/device/platform.cuh"
#include "vcell/kernels/sinkhorn_divergence.hpp"

VCELL_BEGIN_NAMESPACE
namespace device {

// Tiles of the costs between the points of a pair of sets, in double, computed where they are used
// and never stored. A block has sinkhorn_threads threads, as 8 groups of 16: thread `t` has the
// rows t / 16 + 8 i and the columns t % 16 + 16 j of a tile, i and j from 0 to 3.

constexpr unsigned sinkhorn_threads = 128;
constexpr size_t sinkhorn_rows = 32, sinkhorn_columns = 64;  // of a tile

struct SinkhornTile {
  static constexpr size_t depth = 16;  // coordinates at a time
  static constexpr size_t pitch = sinkhorn_columns + 1, row_pitch = sinkhorn_rows + 1;
  static constexpr size_t left_size = depth * row_pitch, right_size = depth * pitch;
  __device__ static size_t row(size_t i) { return threadIdx.x / 16 + 8 * i; }
  __device__ static size_t column(size_t j) { return threadIdx.x % 16 + 16 * j; }
};

/// Consecutive points of a pair of sets.
struct SinkhornRange {
  size_t first, count;
};

/// How a batch is laid out, and how its points are cut into tiles of rows: those of x, then those
/// of y.
struct SinkhornShape {
  size_t sets, x_rows, y_rows, columns;

  VCELL_HOST_DEVICE size_t rows() const { return x_rows + y_rows; }
  VCELL_HOST_DEVICE size_t x_tiles() const { return (x_rows + sinkhorn_rows - 1) / sinkhorn_rows; }
  VCELL_HOST_DEVICE size_t tiles() const {
    return x_tiles() + (y_rows + sinkhorn_rows - 1) / sinkhorn_rows;
  }
};

/// The n points of x and the m of y that are no padding, numbered one after the other.
template <class T>
struct SinkhornPair {
  const T *x, *y;
  size_t n, m, columns;

  __device__ SinkhornPair(const T* xs, const T* ys, const int32_t* x_lengths,
                          const int32_t* y_lengths, const SinkhornShape& shape, size_t b)
      : x(xs + b * shape.x_rows * shape.columns),
        y(ys + b * shape.y_rows * shape.columns),
        n(size_of(shape.x_rows, x_lengths, b)),
        m(size_of(shape.y_rows, y_lengths, b)),
        columns(shape.columns) {}

  __device__ static size_t size_of(size_t rows, const int32_t* lengths, size_t b) {
    const size_t length = lengths ? size_t(lengths[b]) : rows;
    return length < rows ? length : rows;
  }
  /// A coordinate, as far from the first point of x: where all are in one place they are exactly 0.
  __device__ double at(size_t i, size_t column) const {
    const T u = i < n ? x[i * columns + column] : y[(i - n) * columns + column];
    return double(u) - double(x[column]);
  }
  /// The points of the set of point i, and those of the other one.
  __device__ SinkhornRange own(size_t i) const {
    return i < n ? SinkhornRange{0, n} : SinkhornRange{n, m};
  }
  __device__ SinkhornRange other(size_t i) const {
    return i < n ? SinkhornRange{n, m} : SinkhornRange{0, n};
  }
  /// Those of a tile of rows; none where all of it is padding.
  __device__ SinkhornRange tile(const SinkhornShape& shape, size_t k) const {
    const bool is_x = k < shape.x_tiles();
    const size_t size = is_x ? n : m;
    const size_t first = (is_x ? k : k - shape.x_tiles()) * sinkhorn_rows;
    const size_t left = first < size ? size - first : 0;
    return {(is_x ? 0 : n) + first, left < sinkhorn_rows ? left : sinkhorn_rows};
  }
};

/// The largest of some numbers and the sum of their exponentials below it, one number after the
/// other.
struct LogSum {
  double largest = -INFINITY, sum = 0;

  /// exp(rate x) of 4 numbers, or as many as there are
  __device__ void add(const double (&x)[4], size_t count, double rate) {
    double most = largest;
    for (size_t j = 0; j < 4; ++j)
      if (j < count) most = x[j] > most ? x[j] : most;
    if (most > largest) sum *= std::exp((largest - most) * rate);
    largest = most;
    for (size_t j = 0; j < 4; ++j)
      if (j < count) sum += std::exp((x[j] - largest) * rate);
  }
  __device__ void add(const LogSum& other, double rate) {
    const double most = other.largest > largest ? other.largest : largest;
    sum = part(most, rate) + other.part(most, rate);
    largest = most;
  }

 private:
  __device__ double part(double most, double rate) const {
    return largest == most ? sum : sum * std::exp((largest - most) * rate);
  }
};

/// Calls f(i, j, cost) for what the calling thread has of a tile of costs. Called by all threads of
/// a block.
/// @param rows, columns  points, at most sinkhorn_rows and sinkhorn_columns
/// @param norms          halves of the squared norms of the pair's points
/// @param left, right    arrays in shared memory, left_size and right_size doubles of SinkhornTile,
///                       which are free again after the next barrier
template <class T, class Left, class Right, class F>
__device__ void for_each_cost(const SinkhornPair<T>& pair, SinkhornRange rows,
                              SinkhornRange columns, const double* norms, Left& left, Right& right,
                              F f) {
  using Tile = SinkhornTile;
  double product[4][4] = {};
  for (size_t from = 0; from < pair.columns; from += Tile::depth) {
    // Neighbouring threads read neighbouring coordinates of a point.
    const size_t k = threadIdx.x % Tile::depth, step = sinkhorn_threads / Tile::depth;
    const bool is_inside = from + k < pair.columns;
    for (size_t r = threadIdx.x / Tile::depth; r < sinkhorn_rows; r += step)
      left[k * Tile::row_pitch + r] =
          is_inside && r < rows.count ? pair.at(rows.first + r, from + k) : 0;
    for (size_t c = threadIdx.x / Tile::depth; c < sinkhorn_columns; c += step)
      right[k * Tile::pitch + c] =
          is_inside && c < columns.count ? pair.at(columns.first + c, from + k) : 0;
    __syncthreads();
    for (size_t d = 0; d < Tile::depth; ++d) {
      double u[4], v[4];
      for (size_t i = 0; i < 4; ++i) u[i] = left[d * Tile::row_pitch + Tile::row(i)];
      for (size_t j = 0; j < 4; ++j) v[j] = right[d * Tile::pitch + Tile::column(j)];
      for (size_t i = 0; i < 4; ++i)
        for (size_t j = 0; j < 4; ++j) product[i][j] += u[i] * v[j];
    }
    __syncthreads();  // nobody may write the next coordinates while another still reads these
  }
  VCELL_UNROLL
  for (size_t i = 0; i < 4; ++i) {
    VCELL_UNROLL
    for (size_t j = 0; j < 4; ++j) {
      const size_t r = Tile::row(i), c = Tile::column(j);
      if (r >= rows.count || c >= columns.count) continue;
      const size_t a = rows.first + r, b = columns.first + c;
      f(i, j, a == b ? 0.0 : kernel::sinkhorn_cost(norms[a] + norms[b], product[i][j]));
    }
  }
}

/// Calls f(point, LogSum) for every point of `rows`, in one thread each: of (h[j] - c[i, j]) / eps
/// over the points j of `others`.
/// @param h  null: 0
template <class T, class F>
__device__ void for_each_log_sum(const SinkhornPair<T>& pair, SinkhornRange rows,
                                 SinkhornRange others, const double* norms, const double* h,
                                 double eps, F f) {
  using Tile = SinkhornTile;
  VCELL_SHARED(double, left, Tile::left_size);
  VCELL_SHARED(double, right, Tile::right_size);
  const double rate = 1 / eps;
  LogSum sums[4];
  for (size_t from = 0; from < others.count; from += sinkhorn_columns) {
    const size_t remaining = others.count - from;
    const SinkhornRange columns = {others.first + from,
                                   remaining < sinkhorn_columns ? remaining : sinkhorn_columns};
    double gaps[4][4] = {};
    for_each_cost(pair, rows, columns, norms, left, right, [&](size_t i, size_t j, double c) {
      gaps[i][j] = (h ? h[columns.first + Tile::column(j)] : 0) - c;
    });
    size_t count = 0;  // of the calling thread's columns
    while (count < 4 && Tile::column(count) < columns.count) ++count;
    VCELL_UNROLL
    for (size_t i = 0; i < 4; ++i)
      if (Tile::row(i) < rows.count) sums[i].add(gaps[i], count, rate);
  }
  VCELL_UNROLL
  for (size_t i = 0; i < 4; ++i) {
    VCELL_UNROLL
    for (int lane = 8; lane; lane /= 2) {
      const double largest = __shfl_xor_sync(~0u, sums[i].largest, lane);
      const double sum = __shfl_xor_sync(~0u, sums[i].sum, lane);
      sums[i].add(LogSum{largest, sum}, rate);
    }
    if (threadIdx.x % 16 == 0 && Tile::row(i) < rows.count) f(rows.first + Tile::row(i), sums[i]);
  }
}

}  // namespace device
VCELL_END_NAMESPACE
