#pragma once

#include "vcell/kernels/device/each.cuh"
#include "vcell/kernels/device/reduce.cuh"
#include "vcell/kernels/device/sinkhorn_tiles.cuh"

VCELL_BEGIN_NAMESPACE
namespace device {

/// The box around a piece of all points, by columns.
template <class T>
VCELL_KERNEL void sinkhorn_box(const T* x,                // (B, S, D)
                               const T* y,                // (B, T, D)
                               const int32_t* x_lengths,  // (B) or null
                               const int32_t* y_lengths,  // (B) or null
                               double* low,               // (pieces, D)
                               double* high,              // (pieces, D)
                               SinkhornShape shape, size_t pieces) {
  const size_t points = shape.sets * shape.rows(), piece = (points + pieces - 1) / pieces;
  for_each(pieces * shape.columns, [&](size_t e) {
    const size_t column = e % shape.columns, begin = e / shape.columns * piece;
    T least = T(INFINITY), most = T(-INFINITY);
    for (size_t p = begin; p < begin + piece && p < points; ++p) {
      const size_t b = p / shape.rows(), i = p % shape.rows();
      const bool is_x = i < shape.x_rows;
      const size_t rows = is_x ? shape.x_rows : shape.y_rows, r = is_x ? i : i - shape.x_rows;
      if (r >= SinkhornPair<T>::size_of(rows, is_x ? x_lengths : y_lengths, b)) continue;
      const T u = (is_x ? x : y)[(b * rows + r) * shape.columns + column];
      least = u < least ? u : least;
      most = most < u ? u : most;
    }
    low[e] = double(least);
    high[e] = double(most);
  });
}

/// How far the corners of the box are apart. One block.
template <class = void>
VCELL_KERNEL void sinkhorn_diameter(const double* low,   // (pieces, D)
                                    const double* high,  // (pieces, D)
                                    double* diameter, size_t pieces, size_t columns) {
  double sum = 0;
  for (size_t c = threadIdx.x; c < columns; c += each_threads) {
    double least = INFINITY, most = -INFINITY;
    for (size_t p = 0; p < pieces; ++p) {
      const double l = low[p * columns + c], h = high[p * columns + c];
      least = l < least ? l : least;
      most = most < h ? h : most;
    }
    sum += (most - least) * (most - least);
  }
  sum = block_reduce<each_threads>(sum, Sum{});
  if (threadIdx.x == 0) *diameter = std::sqrt(sum);
}

/// Halves of the squared norms of points, a warp each.
template <class T>
VCELL_KERNEL void sinkhorn_norms(const T* x,                // (B, S, D)
                                 const T* y,                // (B, T, D)
                                 const int32_t* x_lengths,  // (B) or null
                                 const int32_t* y_lengths,  // (B) or null
                                 double* norms,             // (B, S + T)
                                 SinkhornShape shape) {
  const size_t warp = (size_t(blockIdx.x) * blockDim.x + threadIdx.x) / warp_size;
  const size_t warps = size_t(gridDim.x) * blockDim.x / warp_size;
  for (size_t p = warp; p < shape.sets * shape.rows(); p += warps) {
    const size_t b = p / shape.rows(), i = p % shape.rows();
    const SinkhornPair<T> pair(x, y, x_lengths, y_lengths, shape, b);
    if (i >= pair.n + pair.m) continue;
    double sum = 0;
    for (size_t c = threadIdx.x % warp_size; c < shape.columns; c += warp_size) {
      const double u = pair.at(i, c);
      sum += u * u;
    }
    sum = warp_reduce(sum, Sum{});
    if (threadIdx.x % warp_size == 0) norms[p] = sum / 2;
  }
}

/// What the stages of the loop read and write: potentials (3, B, 2, S + T), twice those of the
/// loop, which are read from one and written to the other, and last the softmins of the last step.
struct SinkhornStage {
  static constexpr size_t gaps = 2, nowhere = 3;
  double eps;
  size_t from, to;
  bool averages;
};

/// The loop over the epsilons as numbered stages: the first has no potentials to begin with.
struct SinkhornLoop {
  kernel::EpsilonSchedule schedule;

  /// Beside the one for the value.
  __device__ size_t count() const { return schedule.count() + 1; }
  __device__ SinkhornStage operator[](size_t i) const {
    if (i == 0) return {schedule[0], SinkhornStage::nowhere, 0, false};
    return {schedule[i - 1], (i - 1) % 2, i % 2, true};
  }
  __device__ SinkhornStage last() const {
    const size_t from = (count() - 1) % 2;
    return {kernel::EpsilonSchedule::square(schedule.blur), from, SinkhornStage::gaps, false};
  }
};

/// One stage of one tile of rows, with their own set or with the other one. Called by all threads
/// of a block.
/// @param which  0: own, 1: other
template <class T>
__device__ void run_sinkhorn_stage(const SinkhornPair<T>& pair, const double* norms,
                                   double* potentials, const SinkhornShape& shape, size_t b,
                                   size_t tile, size_t which, const SinkhornStage& stage) {
  const SinkhornRange rows = pair.tile(shape, tile);
  if (rows.count == 0) return;
  const auto buffer = [&](size_t k) {
    return potentials + ((k * shape.sets + b) * 2 + which) * shape.rows();
  };
  const double* from = stage.from == SinkhornStage::nowhere ? nullptr : buffer(stage.from);
  double* to = buffer(stage.to);
  const auto others = which ? pair.other(rows.first) : pair.own(rows.first);
  for_each_log_sum(pair, rows, others, norms + b * shape.rows(), from, stage.eps,
                   [&](size_t i, const LogSum& sum) {
                     const double softmin =
                         kernel::sinkhorn_softmin(others.count, sum.largest, sum.sum, stage.eps);
                     to[i] = stage.averages ? 0.5 * (from[i] + softmin) : softmin;
                   });
}

/// Stage `number` of the loop, nothing if it has fewer; or, with last, the one after the loop.
template <bool last, class T>
VCELL_KERNEL void sinkhorn_stage(const T* x,                // (B, S, D)
                                 const T* y,                // (B, T, D)
                                 const int32_t* x_lengths,  // (B) or null
                                 const int32_t* y_lengths,  // (B) or null
                                 const double* norms,       // (B, S + T)
                                 const double* diameter,
                                 double* potentials,  // (3, B, 2, S + T)
                                 SinkhornShape shape, double blur, double scaling, size_t number) {
  const SinkhornLoop loop{{*diameter, blur, scaling}};
  if (!loop.schedule.exists() || (!last && number >= loop.count())) return;
  const SinkhornStage stage = last ? loop.last() : loop[number];
  for (size_t k = blockIdx.x; k < shape.sets * shape.tiles() * 2; k += gridDim.x) {
    const size_t b = k / 2 / shape.tiles(), tile = k / 2 % shape.tiles();
    const SinkhornPair<T> pair(x, y, x_lengths, y_lengths, shape, b);
    run_sinkhorn_stage(pair, norms, potentials, shape, b, tile, k % 2, stage);
  }
}

/// All stages from `number` on, a block for each pair of sets.
template <class T>
VCELL_KERNEL void sinkhorn_rest(const T* x,                // (B, S, D)
                                const T* y,                // (B, T, D)
                                const int32_t* x_lengths,  // (B) or null
                                const int32_t* y_lengths,  // (B) or null
                                const double* norms,       // (B, S + T)
                                const double* diameter,
                                double* potentials,  // (3, B, 2, S + T)
                                SinkhornShape shape, double blur, double scaling, size_t number) {
  const SinkhornLoop loop{{*diameter, blur, scaling}};
  if (!loop.schedule.exists()) return;
  for (size_t b = blockIdx.x; b < shape.sets; b += gridDim.x) {
    const SinkhornPair<T> pair(x, y, x_lengths, y_lengths, shape, b);
    for (size_t i = number; i < loop.count(); ++i) {
      for (size_t k = 0; k < shape.tiles() * 2; ++k)
        run_sinkhorn_stage(pair, norms, potentials, shape, b, k / 2, k % 2, loop[i]);
      __syncthreads();  // the next stage reads what any thread of this one wrote
    }
  }
}

/// The value, and the potentials that backward finds again. A block for each pair of sets.
template <class T>
VCELL_KERNEL void sinkhorn_value(const double* potentials,  // (3, B, 2, S + T)
                                 const int32_t* x_lengths,  // (B) or null
                                 const int32_t* y_lengths,  // (B) or null
                                 const double* diameter,
                                 T* e,          // (B)
                                 double* kept,  // (B, 2, S + T) or null
                                 SinkhornShape shape, double blur, double scaling) {
  const SinkhornLoop loop{{*diameter, blur, scaling}};
  const bool exists = loop.schedule.exists();
  for (size_t b = blockIdx.x; b < shape.sets; b += gridDim.x) {
    const SinkhornPair<T> pair(nullptr, nullptr, x_lengths, y_lengths,
                               {shape.sets, shape.x_rows, shape.y_rows, 0}, b);
    const size_t rows = shape.rows(), points = pair.n + pair.m;
    const auto buffer = [&](size_t k) { return potentials + (k * shape.sets + b) * 2 * rows; };
    if (kept)
      for (size_t i = threadIdx.x; i < 2 * rows; i += each_threads)
        if (!exists || i % rows < points)
          kept[b * 2 * rows + i] = exists ? buffer(loop.last().from)[i] : 0;
    const double *own = buffer(SinkhornStage::gaps), *across = own + rows;
    const auto mean_gap = [&](const SinkhornRange& set) {
      double sum = 0;
      for (size_t i = threadIdx.x; i < set.count; i += each_threads)
        sum += across[set.first + i] - own[set.first + i];
      return block_reduce<each_threads>(sum, Sum{}) / double(set.count);
    };
    const double value = exists ? mean_gap({0, pair.n}) + mean_gap({pair.n, pair.m})
                                : kernel::sinkhorn_value_without(loop.schedule);
    if (threadIdx.x == 0) e[b] = T(value);
  }
}

}  // namespace device
VCELL_END_NAMESPACE
