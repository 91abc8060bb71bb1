#pragma once

#include <algorithm>

#include "vcell/kernels/device/each.cuh"
#include "vcell/kernels/device/sinkhorn_gradient.cuh"
#include "vcell/kernels/device/sinkhorn_loop.cuh"
#include "vcell/kernels/sinkhorn_divergence.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// No cost is kept: every stage of the loop computes the costs of its tiles again from the points,
/// whatever D, and takes the softmin of a row from tiles one after the other. So each takes
/// (S + T)^2 D multiplications and additions in double, and scratch memory grows with S + T alone
/// forward, and with (S + T) D backward. These are made outside of tensor cores: with hundreds of
/// columns the rate of double bounds the time, with few of them the (S + T)^2 exponentials do.
///
/// How many stages there are is known on the device only, and nobody reads it on the host: as many
/// kernels are started as diameters up to 2^20 blurs need, 23 for a scaling of 1/2, of which those
/// beyond the schedule return at once. What a larger diameter needs beyond is done by one kernel
/// with a single block for each pair of sets, which is as right, and slow.
template <>
struct SinkhornDivergence<Cuda> {
  template <class T>
  static size_t forward_scratch(const Context<Cuda>&, View<const T, 3, Cuda> x,
                                View<const T, 3, Cuda> y, const SetLengths<Cuda>&, View<T, 1, Cuda>,
                                View<double, 3, Cuda>, double, double) {
    const SinkhornShape shape = shape_of(x, y);
    const size_t box = pieces(shape) * shape.columns, rows = shape.sets * shape.rows();
    return scratch_bytes<double>(1) + 2 * scratch_bytes<double>(box) + scratch_bytes<double>(rows) +
           scratch_bytes<double>(6 * rows);
  }
  template <class T>
  static Status forward(const Context<Cuda>& context, View<const T, 3, Cuda> x,  // (B, S, D)
                        View<const T, 3, Cuda> y,                                // (B, T, D)
                        const SetLengths<Cuda>& lengths, View<T, 1, Cuda> e,     // (B)
                        View<double, 3, Cuda> potentials,                        // (B, 2, S + T)
                        double blur, double scaling, Scratch<Cuda> scratch) {
    const SinkhornShape shape = shape_of(x, y);
    if (shape.sets == 0) return {};
    const size_t count = pieces(shape), rows = shape.sets * shape.rows();
    double* diameter = take_scratch<double>(scratch, 1).data;
    double* low = take_scratch<double>(scratch, count * shape.columns).data;
    double* high = take_scratch<double>(scratch, count * shape.columns).data;
    double* norms = take_scratch<double>(scratch, rows).data;
    double* loop = take_scratch<double>(scratch, 6 * rows).data;
    const Launches on{context};
    const dim3 each{device::each_threads}, of_tile{device::sinkhorn_threads};
    if (shape.columns)
      on.start(device::sinkhorn_box<T>, device::grid_for_each(count * shape.columns), each, x.data,
               y.data, lengths.x.data, lengths.y.data, low, high, shape, count);
    on.start(device::sinkhorn_diameter<>, dim3{1}, each, low, high, diameter, count, shape.columns);
    start_norms(on, x, y, lengths, norms, shape);
    const dim3 tiles = device::grid_for(shape.sets * shape.tiles() * 2);
    const size_t stages = EpsilonSchedule{0x1p20, 1, scaling}.count() + 1;
    for (size_t i = 0; i < stages; ++i)
      on.start(device::sinkhorn_stage<false, T>, tiles, of_tile, x.data, y.data, lengths.x.data,
               lengths.y.data, norms, diameter, loop, shape, blur, scaling, i);
    on.start(device::sinkhorn_rest<T>, device::grid_for(shape.sets), of_tile, x.data, y.data,
             lengths.x.data, lengths.y.data, norms, diameter, loop, shape, blur, scaling, stages);
    on.start(device::sinkhorn_stage<true, T>, tiles, of_tile, x.data, y.data, lengths.x.data,
             lengths.y.data, norms, diameter, loop, shape, blur, scaling, 0);
    on.start(device::sinkhorn_value<T>, device::grid_for(shape.sets), each, loop, lengths.x.data,
             lengths.y.data, diameter, e.data, potentials.data, shape, blur, scaling);
    return on.status;
  }

  template <class T>
  static size_t backward_scratch(const Context<Cuda>&, View<const T, 1, Cuda>,
                                 View<const T, 3, Cuda> x, View<const T, 3, Cuda> y,
                                 const SetLengths<Cuda>&, View<const double, 3, Cuda>,
                                 Target<T, 3, Cuda>, Target<T, 3, Cuda>, double) {
    const size_t rows = x.shape[0] * (x.shape[1] + y.shape[1]);
    return scratch_bytes<double>(rows) + 2 * scratch_bytes<double>(2 * rows) +
           scratch_bytes<double>(rows * x.shape[2]);
  }
  template <class T>
  static Status backward(const Context<Cuda>& context, View<const T, 1, Cuda> g,  // (B)
                         View<const T, 3, Cuda> x,                                // (B, S, D)
                         View<const T, 3, Cuda> y,                                // (B, T, D)
                         const SetLengths<Cuda>& lengths,
                         View<const double, 3, Cuda> potentials,  // (B, 2, S + T)
                         Target<T, 3, Cuda> dx,                   // (B, S, D)
                         Target<T, 3, Cuda> dy,                   // (B, T, D)
                         double blur, Scratch<Cuda> scratch) {
    const SinkhornShape shape = shape_of(x, y);
    const size_t first = dx ? 0 : shape.x_tiles(),
                 tiles = (dy ? shape.tiles() : shape.x_tiles()) - first;
    if ((!dx && !dy) || shape.sets * shape.columns == 0) return {};
    const size_t rows = shape.sets * shape.rows();
    double* norms = take_scratch<double>(scratch, rows).data;
    double* largest = take_scratch<double>(scratch, 2 * rows).data;
    double* sums = take_scratch<double>(scratch, 2 * rows).data;
    double* totals = take_scratch<double>(scratch, rows * shape.columns).data;
    const double eps = EpsilonSchedule::square(blur);
    const Launches on{context};
    const dim3 of_tile{device::sinkhorn_threads};
    start_norms(on, x, y, lengths, norms, shape);
    on.start(device::sinkhorn_plan_rows<T>, device::grid_for(shape.sets * tiles * 2), of_tile,
             x.data, y.data, lengths.x.data, lengths.y.data, norms, potentials.data, largest, sums,
             shape, first, tiles, eps);
    on.start(device::sinkhorn_gradient<T>, device::grid_for(shape.sets * tiles), of_tile, g.data,
             x.data, y.data, lengths.x.data, lengths.y.data, norms, potentials.data, largest, sums,
             totals, dx.view.data, dy.view.data, dx.accumulate, dy.accumulate, shape, first, tiles,
             eps);
    return on.status;
  }

 private:
  using SinkhornShape = device::SinkhornShape;

  /// Kernels one after the other, up to one that does not start.
  struct Launches {
    const Context<Cuda>& context;
    mutable Status status = {};

    template <class... A>
    void start(const A&... arguments) const {
      if (status.ok()) status = device::launch(context, arguments...);
    }
  };

  template <class T>
  static SinkhornShape shape_of(View<const T, 3, Cuda> x, View<const T, 3, Cuda> y) {
    return {x.shape[0], x.shape[1], y.shape[1], x.shape[2]};
  }
  /// Of all points, for the box around them.
  static size_t pieces(const SinkhornShape& shape) {
    return std::clamp<size_t>(shape.sets * shape.rows() / 16, 1, 64);
  }
  template <class T>
  static void start_norms(const Launches& on, View<const T, 3, Cuda> x, View<const T, 3, Cuda> y,
                          const SetLengths<Cuda>& lengths, double* norms,
                          const SinkhornShape& shape) {
    constexpr size_t warps = device::each_threads / device::warp_size;
    on.start(device::sinkhorn_norms<T>,
             device::grid_for((shape.sets * shape.rows() + warps - 1) / warps),
             dim3{device::each_threads}, x.data, y.data, lengths.x.data, lengths.y.data, norms,
             shape);
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
