#pragma once

#include <algorithm>

#include "vcell/kernels/device/discrepancy_gradient.cuh"
#include "vcell/kernels/set_discrepancy.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

/// The sum of f over the pairs of cells of each pair of tiles that counts, a block each.
template <bool on_tensor_cores, class F, class T>
VCELL_KERNEL_FOR(device::tile_threads, device::tile_blocks<T>)
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
    const bool across = device::kind_of(shape, pair) == device::PairKind::across;
    if (!across && form.within == 0) continue;
    const bool same = pair.row == pair.column;
    double sum = 0;
    device::for_pair_squares<on_tensor_cores>(cells, piece / pairs, pair, memory,
                                              [&](unsigned i, unsigned j, T square, bool) {
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
      const auto kind = device::kind_of(shape, device::TilePair(k));
      if (kind != device::PairKind::across && form.within == 0) continue;
      const double sum = sums[b * pairs + k];
      (kind == device::PairKind::across     ? across
       : kind == device::PairKind::within_x ? x_sum
                                            : y_sum) += sum;
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

  /// @param most  bytes of weights in scratch
  template <class F, class T>
  static Status backward(const Context<Cuda>& context, View<const T, 1, Cuda> g,
                         View<const T, 3, Cuda> x, View<const T, 3, Cuda> y,
                         const SetLengths<Cuda>& lengths, Target<T, 3, Cuda> dx,
                         Target<T, 3, Cuda> dy, const F& function, View<const T, 1, Cuda> sigmas,
                         const DiscrepancyForm& form, size_t most, Scratch<Cuda> scratch) {
    const device::SetPairs shape{x.shape[0], x.shape[1], y.shape[1], x.shape[2]};
    const device::WeightBand all = all_rows(shape, dx, dy), band = first_band<T>(all, most);
    constexpr size_t side = device::tile_side;
    T* const weights = take_scratch<T>(scratch, band.places() * side * side).data;
    auto* const near = take_scratch<uint32_t>(scratch, band.places() * side * 2).data;
    auto* const kinds = take_scratch<device::NearPairs>(scratch, band.places()).data;
    const dim3 threads{device::tile_threads};
    const size_t slabs = (shape.columns + side - 1) / side;
    for (size_t set = 0; set < all.sets; set += band.sets)
      for (size_t row = 0; row < all.rows; row += band.rows) {
        const device::WeightBand now{set, std::min(band.sets, all.sets - set), all.first + row,
                                     std::min(band.rows, all.rows - row), all.tiles};
        Status status =
            device::launch(context, device::discrepancy_weights<on_tensor_cores, F, T>,
                           device::grid_for(now.sets * now.pairs()), threads, function, form, shape,
                           now, g.data, x.data, y.data, lengths.x.data, lengths.y.data, sigmas.data,
                           sigmas ? sigmas.count() : 0, weights, near, kinds);
        if (!status.ok()) return status;
        status = device::launch(context, device::discrepancy_pull<on_tensor_cores, T>,
                                device::grid_for(now.sets * now.rows * slabs), threads, form, shape,
                                now, x.data, y.data, lengths.x.data, lengths.y.data, weights, near,
                                kinds, dx.view.data, dy.view.data, dx.accumulate, dy.accumulate);
        if (!status.ok()) return status;
      }
    return {};
  }

  template <class T>
  static size_t backward_scratch(const device::SetPairs& shape, const Target<T, 3, Cuda>& dx,
                                 const Target<T, 3, Cuda>& dy, size_t most) {
    const size_t places = first_band<T>(all_rows(shape, dx, dy), most).places();
    return scratch_bytes<T>(places * device::tile_side * device::tile_side) +
           scratch_bytes<uint32_t>(places * device::tile_side * 2) +
           scratch_bytes<device::NearPairs>(places);
  }

 private:
  /// The tiles whose gradients are asked for.
  template <class T>
  static device::WeightBand all_rows(const device::SetPairs& shape, const Target<T, 3, Cuda>& dx,
                                     const Target<T, 3, Cuda>& dy) {
    const size_t first = dx ? 0 : shape.x_tiles(), end = dy ? shape.tiles() : shape.x_tiles();
    return {0, shape.sets, first, end - first, shape.tiles()};
  }
  /// As many whole pairs of sets as there is room for, or rows of tiles of one, at least one.
  template <class T>
  static device::WeightBand first_band(device::WeightBand band, size_t most) {
    const size_t row = band.tiles * device::tile_side * device::tile_side * sizeof(T),
                 rows = std::max<size_t>(1, most / std::max<size_t>(1, row));
    band.sets = std::min(band.sets, std::max<size_t>(1, rows / std::max<size_t>(1, band.rows)));
    band.rows = std::min(band.rows, rows);
    return band;
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

/// Forward in two launches, sums of pairs of tiles and their totals. Backward in two for all pairs
/// of sets whose weights fit into 64 MiB, those of cells whose gradients are asked for with all
/// others, and for a larger pair in two for each band of rows of tiles that does: so scratch grows
/// with S + T at most (256 bytes a cell, once a row of tiles is all that fits). Weights are
/// symmetric: those between two rows of a band are found once, those of different bands twice,
/// which makes backward of one large pair 1/3 longer by count of flops. They are stored since every
/// 64 columns of a gradient, a block each, read them again: for 16 pairs of sets of 128 cells of
/// 2,000 genes they take 4 MiB, which a cache holds, and to find them again in each block would
/// take 32 times the products.
///
/// Float products are made in plain arithmetic, or on tensor cores in three products of TF32 where
/// the context's precision is less than float32, bfloat16 too: nearly all digits stay. Products of
/// numbers of 8 bits would not do: |u|^2 + |v|^2 - 2 u v may be off by 1/256 of |u|^2 + |v|^2, and
/// is itself a tenth of that for pairs that are not quite near.
///
/// A near pair costs a pass over its two cells, forward and backward, and backward nothing where
/// both are the same; a tile of 64 x 64 pairs with more than 256 of them goes by differences
/// altogether, at about three times the flops.
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
                                 const SetLengths<Cuda>&, Target<T, 3, Cuda> dx,
                                 Target<T, 3, Cuda> dy, const F&, View<const T, 1, Cuda>,
                                 const DiscrepancyForm&) {
    return detail::DiscrepancyLaunches<false>::backward_scratch<T>(
        {x.shape[0], x.shape[1], y.shape[1], x.shape[2]}, dx, dy, weight_bytes);
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
                               weight_bytes, scratch);
    });
  }

 private:
  static constexpr size_t weight_bytes = size_t(64) << 20;
};

}  // namespace kernel
VCELL_END_NAMESPACE
