#pragma once

#include <algorithm>
#include <array>

#include "vcell/kernels/device/sum_over_y.cuh"
#include "vcell/kernels/target.hpp"
#include "vcell/tensor/scratch.hpp"
#include "vcell/tensor/shape.hpp"

VCELL_BEGIN_NAMESPACE
namespace device {
namespace detail {

constexpr unsigned column_sums_threads = 256;

/// Reads the sums of pieces of rows as rows.
template <size_t sums>
struct SumsOfPieces {
  size_t columns, distance;  // from one sum to the next
  template <class T>
  __device__ std::array<T, sums> operator()(size_t i, size_t j, const T* partial) const {
    std::array<T, sums> out;
    for (size_t k = 0; k < sums; ++k) out[k] = partial[k * distance + i * columns + j];
    return out;
  }
};

/// A block for a piece of a group's rows and blockDim.x columns side by side, and what is beyond
/// the grid in turn. out_k[(group * pieces + piece) * columns + j] gets sum k.
template <size_t sums, class F, class T, class... P>
VCELL_KERNEL void column_sums(F f, size_t groups, size_t rows, size_t columns, size_t pieces,
                              T* out0, T* out1, bool add0, bool add1, P... pointers) {
  VCELL_SHARED(T, lane, sums * column_sums_threads);
  const unsigned width = blockDim.x, height = blockDim.y;
  const size_t piece = (rows + pieces - 1) / pieces, tiles = (columns + width - 1) / width;
  for (size_t block = blockIdx.x; block < groups * pieces * tiles; block += gridDim.x) {
    const size_t target = block / tiles, j = block % tiles * width + threadIdx.x;
    const size_t group = target / pieces, first = target % pieces * piece;
    const size_t begin = group * rows + (first < rows ? first : rows);
    const size_t end = group * rows + (first + piece < rows ? first + piece : rows);
    T sum[sums] = {};
    if (j < columns)
      for (size_t i = begin + threadIdx.y; i < end; i += height) {
        const std::array<T, sums> term = f(i, j, pointers...);
        for (size_t k = 0; k < sums; ++k) sum[k] += term[k];
      }
    sum_over_y(sum, lane);
    if (threadIdx.y == 0 && j < columns) {
      const size_t to = target * columns + j;
      if (out0) out0[to] = add0 ? out0[to] + sum[0] : sum[0];
      if constexpr (sums > 1)
        if (out1) out1[to] = add1 ? out1[to] + sum[1] : sum[1];
    }
  }
}

}  // namespace detail

/// One or two sums over the rows of each column at once, rows in groups of one size:
///
///   out_k[g, j] (+)= sum_i f(g rows + i, j, pointers...)[k],   i = 0 .. rows - 1
///
/// f returns std::array<T, sums>; it is a small object without pointers: what it reads is handed to
/// the kernel as pointers of its own. Rows are cut into pieces by shape alone, so that many blocks
/// work, and the pieces are added in a fixed order: the same bytes every time. Neighbouring threads
/// ask for neighbouring columns.
///
///     struct RowTerm {
///       size_t columns;
///       template <class T>
///       __device__ std::array<T, 1> operator()(size_t i, size_t j, const T* x) const {
///         return {x[i * columns + j]};
///       }
///     };
///     ColumnSums<T, 1>::run(context, {1, rows, columns}, {y}, scratch, RowTerm{columns}, x.data);
///
/// @tparam sums  1 or 2
template <class T, size_t sums>
struct ColumnSums {
  static_assert(sums == 1 || sums == 2);
  using Targets = std::array<kernel::Target<T, 1, Cuda>, sums>;

  /// Bytes of scratch memory that run takes.
  /// @param shape  groups, rows of each, columns
  static size_t bytes(const Shape<3>& shape) {
    const size_t count = pieces(shape);
    return count == 1 ? 0 : scratch_bytes<T>(sums * shape[0] * count * shape[2]);
  }

  /// @param shape  groups, rows of each, columns
  /// @param out    (groups * columns) each; a null one is not wanted
  template <class F, class... P>
  static kernel::Status run(const Context<Cuda>& context, const Shape<3>& shape, const Targets& out,
                            Scratch<Cuda> scratch, F f, const P*... pointers) {
    const auto [groups, rows, columns] = shape;
    if (groups * columns == 0) return {};
    const size_t count = pieces(shape);
    if (count == 1) return start(context, shape, 1, out, f, pointers...);
    const size_t distance = groups * count * columns;
    Targets partial;
    for (size_t k = 0; k < sums; ++k)
      partial[k].view = {reinterpret_cast<T*>(scratch.data) + k * distance, {distance}};
    const kernel::Status started = start(context, shape, count, partial, f, pointers...);
    if (!started.ok()) return started;
    return start(context, {groups, count, columns}, 1, out,
                 detail::SumsOfPieces<sums>{columns, distance},
                 static_cast<const T*>(partial[0].view.data));
  }

 private:
  /// Columns of a block: a power of two.
  static size_t width(size_t columns) {
    size_t w = 1;
    while (w < warp_size && w < columns) w *= 2;
    return w;
  }
  static size_t tiles(size_t columns) {
    return columns ? (columns + width(columns) - 1) / width(columns) : 0;
  }
  /// Of the rows of a group: as many as make a thousand blocks, each of 16 rows a thread or more.
  static size_t pieces(const Shape<3>& shape) {
    const size_t blocks = shape[0] * tiles(shape[2]);
    const size_t height = detail::column_sums_threads / width(shape[2]);
    const size_t most = shape[1] / (16 * height);
    return blocks ? std::max<size_t>(1, std::min(most, 1024 / blocks)) : 1;
  }
  template <class F, class... P>
  static kernel::Status start(const Context<Cuda>& context, const Shape<3>& shape, size_t count,
                              const Targets& out, F f, const P*... pointers) {
    const size_t w = width(shape[2]);
    const size_t blocks = std::min<size_t>(shape[0] * count * tiles(shape[2]), 1 << 16);
    kernel::Target<T, 1, Cuda> second;
    if constexpr (sums > 1) second = out[1];
    void (*const function)(F, size_t, size_t, size_t, size_t, T*, T*, bool, bool, const P*...) =
        detail::column_sums<sums>;
    return launch(context, function, dim3{unsigned(blocks)},
                  dim3{unsigned(w), unsigned(detail::column_sums_threads / w)}, f, shape[0],
                  shape[1], shape[2], count, out[0].view.data, second.view.data, out[0].accumulate,
                  second.accumulate, pointers...);
  }
};

}  // namespace device
VCELL_END_NAMESPACE
