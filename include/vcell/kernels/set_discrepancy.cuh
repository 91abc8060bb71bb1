#pragma once

#include <algorithm>

#include "vcell/kernels/device/each.cuh"
#include "vcell/kernels/device/pair_squares.cuh"
#include "vcell/kernels/device/weighted_tiles.cuh"
#include "vcell/kernels/set_discrepancy.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

/// Blocks of a processor of the device that registers shall do for.
template <class T>
constexpr int tile_blocks = sizeof(T) > 4 ? 2 : 3;

/// What the sums of a pair of tiles count for: within x, within y or across.
enum class PairKind { within_x, within_y, across };

__device__ inline PairKind kind_of(const device::SetPairs& shape, device::TilePair pair) {
  const size_t x_tiles = shape.x_tiles();
  if (pair.row < x_tiles) return PairKind::within_x;
  return pair.column < x_tiles ? PairKind::across : PairKind::within_y;
}

/// The sum of f over the pairs of cells of each pair of tiles that counts, a block each.
template <bool on_tensor_cores, class F, class T>
VCELL_KERNEL_FOR(device::tile_threads, tile_blocks<T>)
void discrepancy_sums(F function, DiscrepancyForm form, device::SetPairs shape,
                      const T* x,                // (B, S, D)
                      const T* y,                // (B, T, D)
                      const int32_t* x_lengths,  // (B) or null
                      const int32_t* y_lengths,  // (B) or null
                      const T* sigmas,           // (K)
                      size_t sigma_count,
                      double* sums) {  // (B, pairs of tiles)
  const device::SetCells<T> cells{x, y, x_lengths, y_lengths, shape};
  const auto f = function.of(View<const T, 1, Cuda>{sigmas, {sigma_count}});
  VCELL_SHARED(device::Four<T>, memory, device::point_tile_memory<T>);
  const size_t pairs = shape.tile_pairs();
  for (size_t piece = blockIdx.x; piece < shape.sets * pairs; piece += gridDim.x) {
    const device::TilePair pair(piece % pairs);
    const bool across = kind_of(shape, pair) == PairKind::across;
    if (!across && form.within == 0) continue;
    const bool same = pair.row == pair.column;
    double sum = 0;
    device::for_pair_squares<on_tensor_cores>(cells, piece / pairs, pair, memory,
                                              [&](unsigned i, unsigned j, T square) {
                                                if (same && i == j && !form.has_diagonal) return;
                                                T value = 0;
                                                for (size_t k = 0; k < f.count(); ++k)
                                                  value += f[k].value(square);
                                                sum += double(value);
                                              });
    sum = device::block_reduce<device::tile_threads>(sum, device::Sum{});
    if (threadIdx.x == 0) sums[piece] = across || same ? sum : 2 * sum;
  }
}

/// e[b] from the sums of its pairs of tiles, a block each.
template <class T>
VCELL_KERNEL void discrepancy_total(DiscrepancyForm form, device::SetPairs shape,
                                    const int32_t* x_lengths,  // (B) or null
                                    const int32_t* y_lengths,  // (B) or null
                                    const double* sums,        // (B, pairs of tiles)
                                    T* e) {                    // (B)
  const device::SetCells<T> cells{nullptr, nullptr, x_lengths, y_lengths, shape};
  const size_t pairs = shape.tile_pairs();
  for (size_t b = blockIdx.x; b < shape.sets; b += gridDim.x) {
    double x_sum = 0, y_sum = 0, across = 0;
    for (size_t k = threadIdx.x; k < pairs; k += device::tile_threads) {
      const PairKind kind = kind_of(shape, device::TilePair(k));
      if (kind != PairKind::across && form.within == 0) continue;
      const double sum = sums[b * pairs + k];
      (kind == PairKind::across ? across : kind == PairKind::within_x ? x_sum : y_sum) += sum;
    }
    across = device::block_reduce<device::tile_threads>(across, device::Sum{});
    x_sum = device::block_reduce<device::tile_threads>(x_sum, device::Sum{});
    y_sum = device::block_reduce<device::tile_threads>(y_sum, device::Sum{});
    if (threadIdx.x != 0) continue;
    const double n = double(cells.size(b, false)), m = double(cells.size(b, true));
    double value = form.across * across / (n * m);
    if (form.within != 0) {
      value += form.within * x_sum / form.pairs_within(n);
      value += form.within * y_sum / form.pairs_within(m);
    }
    e[b] = T(value);
  }
}

/// Which gradients are asked for, and whether they are added to what is there.
struct DiscrepancyTargets {
  bool x, y, x_adds, y_adds;
};

/// The weights w_ij of the pairs of cells of each pair of tiles, a block each; they are symmetric:
/// a tile (i, j) and its mirror image (j, i) are written. Whether a tile has near pairs is noted.
template <bool on_tensor_cores, class F, class T>
VCELL_KERNEL_FOR(device::tile_threads, tile_blocks<T>)
void discrepancy_weights(F function, DiscrepancyForm form, device::SetPairs shape,
                         DiscrepancyTargets wanted, size_t first_set, size_t set_count,
                         const T* g,                // (B)
                         const T* x,                // (B, S, D)
                         const T* y,                // (B, T, D)
                         const int32_t* x_lengths,  // (B) or null
                         const int32_t* y_lengths,  // (B) or null
                         const T* sigmas,           // (K)
                         size_t sigma_count,
                         T* weights,        // (sets, tiles, tiles, 64, 64)
                         uint32_t* near) {  // (sets, tiles, tiles)
  constexpr unsigned side = device::tile_side;
  const device::SetCells<T> cells{x, y, x_lengths, y_lengths, shape};
  const auto f = function.of(View<const T, 1, Cuda>{sigmas, {sigma_count}});
  const T below = f.constant_below();
  VCELL_SHARED(device::Four<T>, memory, device::point_tile_memory<T>);
  const size_t pairs = shape.tile_pairs(), tiles = shape.tiles();
  for (size_t piece = blockIdx.x; piece < set_count * pairs; piece += gridDim.x) {
    const size_t slot = piece / pairs, set = first_set + slot;
    const device::TilePair pair(piece % pairs);
    const PairKind kind = kind_of(shape, pair);
    if (kind != PairKind::across &&
        (form.within == 0 || !(kind == PairKind::within_x ? wanted.x : wanted.y)))
      continue;
    const double n = double(cells.size(set, false)), m = double(cells.size(set, true));
    const double share =
        kind == PairKind::across
            ? form.across / (n * m)
            : 2 * form.within / form.pairs_within(kind == PairKind::within_x ? n : m);
    const T scale = T(share * double(g[set]));
    const size_t place = (slot * tiles + pair.row) * tiles + pair.column,
                 mirrored = (slot * tiles + pair.column) * tiles + pair.row;
    T *to = weights + place * side * side, *image = weights + mirrored * side * side;
    const auto put = [&](unsigned i, unsigned j, T w) {
      to[i * side + j] = w;
      if (place != mirrored) image[j * side + i] = w;
    };
    const unsigned rows = unsigned(cells.tile(set, pair.row).points.rows),
                   columns = unsigned(cells.tile(set, pair.column).points.rows);
    if (rows < side || columns < side)  // padding has no weight
      for (unsigned e = threadIdx.x; e < side * side; e += device::tile_threads)
        if (e / side >= rows || e % side >= columns) put(e / side, e % side, T(0));
    const bool has_near = device::for_pair_squares<on_tensor_cores>(
        cells, set, pair, memory, [&](unsigned i, unsigned j, T square) {
          T w = 0;
          if (!(square <= below))
            for (size_t k = 0; k < f.count(); ++k) w += f[k].weight(square, scale);
          put(i, j, w);
        });
    if (threadIdx.x == 0) near[place] = near[mirrored] = has_near;
  }
}

/// Of a tile of cells u and 64 of their columns du_i (+)= sum_j w_ij (u_i - v_j), a block each:
/// from the products of weights and moved cells, but of tiles with near pairs from differences.
template <bool on_tensor_cores, class T>
VCELL_KERNEL_FOR(device::tile_threads, 2)
void discrepancy_pull(DiscrepancyForm form, device::SetPairs shape, DiscrepancyTargets wanted,
                      size_t first_set, size_t set_count,
                      const T* x,                // (B, S, D)
                      const T* y,                // (B, T, D)
                      const int32_t* x_lengths,  // (B) or null
                      const int32_t* y_lengths,  // (B) or null
                      const T* weights,          // (sets, tiles, tiles, 64, 64)
                      const uint32_t* near,      // (sets, tiles, tiles)
                      T* dx,                     // (B, S, D) or null
                      T* dy) {                   // (B, T, D) or null
  using namespace device;
  using ProductTile =
      std::conditional_t<on_tensor_cores, TensorWeightedTile, WeightedTile<T, false>>;
  const SetCells<T> cells{x, y, x_lengths, y_lengths, shape};
  VCELL_SHARED(Four<T>, memory, weighted_tile_memory<T>);
  VCELL_SHARED(T, row_sums, tile_side);
  const size_t tiles = shape.tiles(), slabs = (shape.columns + tile_side - 1) / tile_side;
  for (size_t piece = blockIdx.x; piece < set_count * tiles * slabs; piece += gridDim.x) {
    const size_t column = piece % slabs * tile_side, slot = piece / slabs / tiles,
                 set = first_set + slot, row_tile = piece / slabs % tiles;
    const SetTile<T> u = cells.tile(set, row_tile);
    if (!(u.is_of_y ? wanted.y : wanted.x)) continue;
    const bool adds = u.is_of_y ? wanted.y_adds : wanted.x_adds;
    T* const du = (u.is_of_y ? dy + set * shape.y_cells * shape.columns
                             : dx + set * shape.x_cells * shape.columns) +
                  u.first * shape.columns;
    const auto weights_of = [&](size_t tile) {
      return weights + ((slot * tiles + row_tile) * tiles + tile) * tile_side * tile_side;
    };
    const auto points_of = [&](size_t tile) { return cells.tile(set, tile).points; };
    const auto is_near = [&](size_t tile) {
      return near[(slot * tiles + row_tile) * tiles + tile] != 0;
    };
    // Tiles of x, then of y; those within a set may have no part.
    const size_t begin = form.within == 0 && !u.is_of_y ? shape.x_tiles() : 0,
                 end = u.points.rows == 0              ? begin
                       : form.within == 0 && u.is_of_y ? shape.x_tiles()
                                                       : tiles;
    ProductTile sums;
    for (unsigned part = 0; part < 2; ++part) {
      const bool v_of_y = part == 1;
      const size_t first = v_of_y ? (begin > shape.x_tiles() ? begin : shape.x_tiles()) : begin,
                   last = v_of_y ? end : (end < shape.x_tiles() ? end : shape.x_tiles());
      if (first >= last) continue;
      const Centre<T> centre = cells.centre(set, u.is_of_y, v_of_y);
      T mine[2] = {};
      add_weighted(
          sums, first, last, [&](size_t tile) { return !is_near(tile); }, weights_of, points_of,
          column, centre(column + threadIdx.x % 16 * 4), memory, mine);
      for (unsigned i = 0; i < 2; ++i) {
        mine[i] += __shfl_xor_sync(~0u, mine[i], 1);
        mine[i] += __shfl_xor_sync(~0u, mine[i], 2);
        if (threadIdx.x % 4 == 0) row_sums[threadIdx.x / 4 + i * 32] = mine[i];
      }
      __syncthreads();
      VCELL_UNROLL
      for (unsigned e = 0; e < tile_elements; ++e) {
        const unsigned i = sums.row(e);
        const size_t c = column + sums.column(e);
        if (i >= u.points.rows || c >= shape.columns) continue;
        const T sum = row_sums[i];
        sums.sums[e] -= sum * (u.points.first[i * shape.columns + c] - centre.at(c));
      }
      __syncthreads();  // before the sums of other rows come to their place
    }
    VCELL_UNROLL
    for (unsigned e = 0; e < tile_elements; ++e) {
      const unsigned i = sums.row(e);
      const size_t c = column + sums.column(e), place = i * shape.columns + c;
      if (i >= u.cells || c >= shape.columns) continue;
      const T pulled = i < u.points.rows ? -sums.sums[e] : T(0);
      if (!adds)
        du[place] = pulled;
      else if (i < u.points.rows)
        du[place] += pulled;
    }
    size_t any = begin;
    while (any < end && !is_near(any)) ++any;
    if (any == end) continue;
    __syncthreads();  // what was put there is added to by other threads
    WeightedTile<T, true> differences;
    VCELL_UNROLL
    for (unsigned e = 0; e < tile_elements; ++e) {
      const unsigned i = differences.row(e);
      const size_t c = column + differences.column(e);
      const bool inside = i < u.points.rows && c < shape.columns;
      differences.u[e] = inside ? u.points.first[i * shape.columns + c] : T(0);
    }
    T unused[2] = {};
    add_weighted(differences, any, end, is_near, weights_of, points_of, column, Four<T>{}, memory,
                 unused);
    VCELL_UNROLL
    for (unsigned e = 0; e < tile_elements; ++e) {
      const unsigned i = differences.row(e);
      const size_t c = column + differences.column(e);
      if (i < u.points.rows && c < shape.columns) du[i * shape.columns + c] += differences.sums[e];
    }
  }
}

/// The kernels of a product, whatever the context says of it.
template <bool on_tensor_cores>
struct DiscrepancyLaunches {
  template <class F, class T>
  static Status forward(const Context<Cuda>& context, View<const T, 3, Cuda> x,
                        View<const T, 3, Cuda> y, const SetLengths<Cuda>& lengths,
                        View<T, 1, Cuda> e, const F& function, View<const T, 1, Cuda> sigmas,
                        const DiscrepancyForm& form, Scratch<Cuda> scratch) {
    const device::SetPairs shape{x.shape[0], x.shape[1], y.shape[1], x.shape[2]};
    const size_t pieces = shape.sets * shape.tile_pairs();
    double* const sums = take_scratch<double>(scratch, pieces).data;
    const dim3 threads{device::tile_threads};
    const Status status =
        device::launch(context, discrepancy_sums<on_tensor_cores, F, T>, device::grid_for(pieces),
                       threads, function, form, shape, x.data, y.data, lengths.x.data,
                       lengths.y.data, sigmas.data, sigmas ? sigmas.count() : 0, sums);
    if (!status.ok()) return status;
    return device::launch(context, discrepancy_total<T>, device::grid_for(shape.sets), threads,
                          form, shape, lengths.x.data, lengths.y.data, sums, e.data);
  }

  /// @param at_a_time  how many pairs of sets have their weights in scratch together
  template <class F, class T>
  static Status backward(const Context<Cuda>& context, View<const T, 1, Cuda> g,
                         View<const T, 3, Cuda> x, View<const T, 3, Cuda> y,
                         const SetLengths<Cuda>& lengths, Target<T, 3, Cuda> dx,
                         Target<T, 3, Cuda> dy, const F& function, View<const T, 1, Cuda> sigmas,
                         const DiscrepancyForm& form, size_t at_a_time, Scratch<Cuda> scratch) {
    const device::SetPairs shape{x.shape[0], x.shape[1], y.shape[1], x.shape[2]};
    const DiscrepancyTargets wanted{bool(dx), bool(dy), dx.accumulate, dy.accumulate};
    const size_t tiles = shape.tiles(), side = device::tile_side;
    T* const weights = take_scratch<T>(scratch, at_a_time * tiles * tiles * side * side).data;
    uint32_t* const near = take_scratch<uint32_t>(scratch, at_a_time * tiles * tiles).data;
    const dim3 threads{device::tile_threads};
    for (size_t first = 0; first < shape.sets; first += at_a_time) {
      const size_t n = std::min(at_a_time, shape.sets - first);
      Status status =
          device::launch(context, discrepancy_weights<on_tensor_cores, F, T>,
                         device::grid_for(n * shape.tile_pairs()), threads, function, form, shape,
                         wanted, first, n, g.data, x.data, y.data, lengths.x.data, lengths.y.data,
                         sigmas.data, sigmas ? sigmas.count() : 0, weights, near);
      if (!status.ok()) return status;
      const size_t slabs = (shape.columns + side - 1) / side;
      status = device::launch(context, discrepancy_pull<on_tensor_cores, T>,
                              device::grid_for(n * tiles * slabs), threads, form, shape, wanted,
                              first, n, x.data, y.data, lengths.x.data, lengths.y.data,
                              static_cast<const T*>(weights), static_cast<const uint32_t*>(near),
                              dx.view.data, dy.view.data);
      if (!status.ok()) return status;
    }
    return {};
  }

  /// How many pairs of sets have their weights in scratch together: as many as take 256 MiB, and
  /// at least one.
  template <class T>
  static size_t at_a_time(const Shape<3>& x, const Shape<3>& y) {
    constexpr size_t most = size_t(256) << 20;
    const size_t tiles = device::SetPairs{x[0], x[1], y[1], x[2]}.tiles();
    const size_t bytes = tiles * tiles * device::tile_side * device::tile_side * sizeof(T);
    return std::max<size_t>(1, std::min(x[0], most / std::max<size_t>(1, bytes)));
  }
};

/// Calls f with the launches for a context's precision; tensor cores have float alone.
template <class T, class F>
auto with_discrepancy_launches(const Context<Cuda>& context, F f) {
  if constexpr (std::is_same_v<T, float>)
    if (context.precision() != Precision::float32) return f(DiscrepancyLaunches<true>());
  return f(DiscrepancyLaunches<false>());
}

}  // namespace detail

/// Forward in two launches, sums of pairs of tiles and their totals. Backward in two for as many
/// pairs of sets as take 256 MiB of weights, (S + T)^2 numbers each, or for one; it counts on
/// weights being symmetric, so those across are found once for both gradients. Float products are
/// made in plain arithmetic, or on tensor cores in three products of TF32 where the context's
/// precision is less than float32: nearly all digits stay. Pairs that are near cost their tile, of
/// 64 x 64 pairs, three times as much.
template <>
struct SetDiscrepancy<Cuda> {
  template <class T, class F>
  static size_t forward_scratch(const Context<Cuda>&, View<const T, 3, Cuda> x,
                                View<const T, 3, Cuda> y, const SetLengths<Cuda>&, View<T, 1, Cuda>,
                                const F&, View<const T, 1, Cuda>, const DiscrepancyForm&) {
    const device::SetPairs shape{x.shape[0], x.shape[1], y.shape[1], x.shape[2]};
    return scratch_bytes<double>(shape.sets * shape.tile_pairs());
  }
  template <class T, class F>
  static Status forward(const Context<Cuda>& context, View<const T, 3, Cuda> x,  // (B, S, D)
                        View<const T, 3, Cuda> y,                                // (B, T, D)
                        const SetLengths<Cuda>& lengths, View<T, 1, Cuda> e,     // (B)
                        const F& function, View<const T, 1, Cuda> sigmas,        // (K)
                        const DiscrepancyForm& form, Scratch<Cuda> scratch) {
    if (x.shape[0] == 0) return {};
    return detail::with_discrepancy_launches<T>(context, [&](auto launches) {
      return launches.forward(context, x, y, lengths, e, function, sigmas, form, scratch);
    });
  }

  template <class T, class F>
  static size_t backward_scratch(const Context<Cuda>&, View<const T, 1, Cuda>,
                                 View<const T, 3, Cuda> x, View<const T, 3, Cuda> y,
                                 const SetLengths<Cuda>&, Target<T, 3, Cuda>, Target<T, 3, Cuda>,
                                 const F&, View<const T, 1, Cuda>, const DiscrepancyForm&) {
    const device::SetPairs shape{x.shape[0], x.shape[1], y.shape[1], x.shape[2]};
    const size_t tiles = detail::DiscrepancyLaunches<false>::at_a_time<T>(x.shape, y.shape) *
                         shape.tiles() * shape.tiles();
    return scratch_bytes<T>(tiles * device::tile_side * device::tile_side) +
           scratch_bytes<uint32_t>(tiles);
  }
  template <class T, class F>
  static Status backward(const Context<Cuda>& context, View<const T, 1, Cuda> g,  // (B)
                         View<const T, 3, Cuda> x,                                // (B, S, D)
                         View<const T, 3, Cuda> y,                                // (B, T, D)
                         const SetLengths<Cuda>& lengths, Target<T, 3, Cuda> dx,  // (B, S, D)
                         Target<T, 3, Cuda> dy,                                   // (B, T, D)
                         const F& function, View<const T, 1, Cuda> sigmas,        // (K)
                         const DiscrepancyForm& form, Scratch<Cuda> scratch) {
    if ((!dx && !dy) || x.shape[0] == 0 || x.shape[2] == 0) return {};
    return detail::with_discrepancy_launches<T>(context, [&](auto launches) {
      return launches.backward(context, g, x, y, lengths, dx, dy, function, sigmas, form,
                               launches.template at_a_time<T>(x.shape, y.shape), scratch);
    });
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
