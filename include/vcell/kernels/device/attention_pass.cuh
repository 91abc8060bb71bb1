#pragma once

#include <cmath>

#include "vcell/kernels/attention.hpp"
#include "vcell/kernels/device/async_copy.cuh"
#include "vcell/kernels/device/pack.cuh"
#include "vcell/kernels/device/reduce.cuh"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

/// What one kernel makes. Each is out = W C with weights W of scores S = A B^T, tile by tile:
///
///                    A   B   W               C          and of A2 B2^T
///   output           Q   K   P               V
///   query_gradient   Q   K   dS              K          dO V^T
///   key_gradient     K   Q   dS^T            Q          V dO^T
///   value_gradient   K   Q   P^T             dO
///
/// So no two blocks add to one element, and each sum has one order.
enum class AttentionPass { output, query_gradient, key_gradient, value_gradient };

/// A matrix of each head in memory of the device.
struct HeadsStrides {
  size_t batch = 0, head = 0, row = 0;

  __device__ size_t start(size_t b, size_t h) const { return b * batch + h * head; }
};

/// What a kernel of attention is told beside its pointers.
template <class T>
struct AttentionPlan {
  AttentionShape n{};
  T scale{};
  HeadsStrides a, b, a2, b2, c, out;
  size_t mask_batch = 0, mask_head = 0;
  size_t row_tiles = 0, column_blocks = 0;  // of out
  bool packs = true;                        // all rows are aligned to 16 bytes
  bool accumulate = false;
};

/// Begins the copy of some packs of rows first, first + 1, ... of a matrix; what lies beyond its
/// last row or column becomes 0.
/// @tparam n_rows, n_packs, pitch  of the tile: rows, packs of a row, packs from row to row
/// @param column  the first element of every row
template <unsigned threads, unsigned n_rows, unsigned n_packs, unsigned pitch, class Stage, class T>
__device__ void begin_tile(const Stage stage, unsigned to, const T* from, size_t stride,
                           size_t first, size_t rows, size_t column, size_t columns, bool packs) {
  constexpr unsigned size = device::full_width<T>;
  for (unsigned i = threadIdx.x; i < n_rows * n_packs; i += threads) {
    const unsigned r = i / n_packs, v = i % n_packs;
    const size_t row = first + r, start = column + v * size;
    unsigned bytes = 0;
    const T* source = from;
    if (row < rows && start < columns) {
      bytes = unsigned((columns - start < size ? columns - start : size) * sizeof(T));
      source += row * stride + start;
    }
    if (packs)
      device::copy_async<16>(stage, to + r * pitch + v, source, bytes);
    else
      device::copy_async<sizeof(T)>(stage, to + r * pitch + v, source, bytes);
  }
}

/// The maximum or sum over the four lanes that share their rows.
template <class T, class Combine>
__device__ T reduce_row(T value, Combine combine) {
  value = combine(value, __shfl_xor_sync(~0u, value, 1));
  return combine(value, __shfl_xor_sync(~0u, value, 2));
}

/// What a lane knows of its two rows, where they are queries.
template <class T>
struct AttentionRows {
  T largest[2] = {T(-INFINITY), T(-INFINITY)}, inverse[2] = {}, along[2] = {}, total[2] = {};
};

/// Turns the scores of a tile into weights of the output, whose sums so far are scaled to the
/// largest score that there is now (Milakov & Gimelshein 2018, arXiv:1805.02867).
template <class Tile, class T>
__device__ void output_weights(typename Tile::Scores& s, AttentionRows<T>& known,
                               typename Tile::Out& sum) {
  constexpr T none = T(-INFINITY);
  VCELL_UNROLL
  for (unsigned i = 0; i < 2; ++i) {
    T largest = known.largest[i];
    VCELL_UNROLL
    for (unsigned j = 0; j < Tile::mine; ++j) largest = s[i][j] > largest ? s[i][j] : largest;
    largest = reduce_row(largest, device::Max());
    const T factor = largest == known.largest[i] ? T(1) : std::exp(known.largest[i] - largest);
    known.largest[i] = largest;
    known.total[i] *= factor;
    VCELL_UNROLL
    for (unsigned m = 0; m < Tile::out_mine; ++m) sum[i][m] *= factor;
    VCELL_UNROLL
    for (unsigned j = 0; j < Tile::mine; ++j) {
      const T x = s[i][j];
      // Before there is any key, what is not a number stays so.
      s[i][j] = largest == none ? (x == none ? T(0) : x) : std::exp(x - largest);
      known.total[i] += s[i][j];
    }
  }
}

/// A block makes Tile::rows rows and Tile::width columns of out at a time, over all tiles of B; the
/// next piece of shared memory is on its way while one is worked on.
/// @param r      of every query: null for the output, which makes new_r
/// @param along  rowsum(dO * O) of every query, for the gradients of queries and keys
template <AttentionPass pass, class Tile, class T>
VCELL_KERNEL void __launch_bounds__(Tile::threads, Tile::blocks)
    attention_pass(AttentionPlan<T> plan, const T* a, const T* b, const T* a2, const T* b2,
                   const T* c, const bool* mask, const int32_t* lengths, const AttentionRow<T>* r,
                   const T* along, AttentionRow<T>* new_r, T* out) {
  constexpr unsigned size = device::full_width<T>;
  using P = device::Pack<T, size>;
  constexpr bool by_key =
      pass == AttentionPass::key_gradient || pass == AttentionPass::value_gradient;
  constexpr bool two_products =
      pass == AttentionPass::query_gradient || pass == AttentionPass::key_gradient;
  constexpr T infinity = T(INFINITY);
  constexpr unsigned depth = Tile::packs * size;  // of a piece of A and B
  constexpr unsigned b_start = Tile::rows * Tile::pitch;
  VCELL_SHARED(P, stage, 2 * Tile::stage_packs);
  VCELL_SHARED(P, weights, Tile::weight_packs);
  VCELL_SHARED(T, of_column, by_key ? 3 * Tile::columns : 1);

  const AttentionShape n = plan.n;
  const size_t a_rows = by_key ? n.keys : n.queries, b_rows = by_key ? n.queries : n.keys;
  const size_t blocks = n.batch * n.heads * plan.row_tiles * plan.column_blocks;
  // The pieces come in one order: of every tile those of A and B, of A2 and B2, of C.
  const unsigned pieces = unsigned((n.head_dim + depth - 1) / depth);
  const unsigned products = two_products ? 2 * pieces : pieces;
  const unsigned tile_pieces = products + Tile::columns / Tile::c_rows;
  for (size_t block = blockIdx.x; block < blocks; block += gridDim.x) {
    const size_t head = block / plan.column_blocks / plan.row_tiles;
    const size_t batch = head / n.heads, h = head % n.heads;
    const size_t first = block / plan.column_blocks % plan.row_tiles * Tile::rows;
    const size_t first_column = block % plan.column_blocks * Tile::width;
    const size_t length = lengths ? size_t(lengths[batch]) : ~size_t(0);
    const size_t rows = a_rows < length ? a_rows : length;     // that are no padding
    const size_t columns = b_rows < length ? b_rows : length;  // of S
    const size_t tiles = first < rows ? (columns + Tile::columns - 1) / Tile::columns : 0;
    const bool works = first + Tile::first_row() < rows;  // else only copies: the same in a warp
    const bool* const allowed = mask + batch * plan.mask_batch + h * plan.mask_head;
    const size_t query_start = head * n.queries;  // in r and along

    size_t ahead_tile = 0;
    unsigned ahead = 0, buffer = 1;
    const auto begin_next = [&] {
      if (ahead_tile == tiles) return;
      const unsigned to = (1 - buffer) * Tile::stage_packs;
      const size_t tile_first = ahead_tile * Tile::columns;
      if (ahead < products) {
        const bool second = two_products && ahead >= pieces;
        const T* const x = second ? a2 + plan.a2.start(batch, h) : a + plan.a.start(batch, h);
        const T* const y = second ? b2 + plan.b2.start(batch, h) : b + plan.b.start(batch, h);
        const size_t start = (second ? ahead - pieces : ahead) * depth;
        begin_tile<Tile::threads, Tile::rows, Tile::packs, Tile::pitch>(
            stage, to, x, second ? plan.a2.row : plan.a.row, first, rows, start, n.head_dim,
            plan.packs);
        begin_tile<Tile::threads, Tile::columns, Tile::packs, Tile::pitch>(
            stage, to + b_start, y, second ? plan.b2.row : plan.b.row, tile_first, columns, start,
            n.head_dim, plan.packs);
      } else {
        begin_tile<Tile::threads, Tile::c_rows, Tile::c_packs, Tile::c_pitch>(
            stage, to, c + plan.c.start(batch, h), plan.c.row,
            tile_first + (ahead - products) * Tile::c_rows, columns, first_column, n.head_dim,
            plan.packs);
      }
      device::commit_copies();
      if (++ahead < tile_pieces) return;
      ahead = 0;
      ++ahead_tile;
    };

    typename Tile::Out sum = {};
    AttentionRows<T> known;
    if constexpr (pass == AttentionPass::query_gradient) {
      VCELL_UNROLL
      for (unsigned i = 0; i < 2; ++i) {
        const size_t row = first + Tile::row(i);
        if (row >= rows) continue;
        const AttentionRow<T> of = r[query_start + row];
        known.largest[i] = of.largest;
        known.inverse[i] = of.inverse;
        known.along[i] = along[query_start + row];
      }
    }

    __syncthreads();  // nobody reads what the rows before left in shared memory
    begin_next();
    for (size_t tile = 0; tile < tiles; ++tile) {
      const size_t tile_first = tile * Tile::columns;
      typename Tile::Scores s = {}, d = {};
      for (unsigned piece = 0; piece < tile_pieces; ++piece) {
        device::wait_copies<0>();
        __syncthreads();  // this piece is there, and nobody reads the one before any more
        buffer = 1 - buffer;
        begin_next();
        if (by_key && piece == 0 && threadIdx.x < Tile::columns) {
          AttentionRow<T> of{};
          T along_query = 0;
          if (const size_t query = tile_first + threadIdx.x; query < columns) {
            of = r[query_start + query];
            if (two_products) along_query = along[query_start + query];
          }
          of_column[threadIdx.x] = of.largest;
          of_column[Tile::columns + threadIdx.x] = of.inverse;
          of_column[2 * Tile::columns + threadIdx.x] = along_query;
        }
        if (!works) continue;
        const unsigned from = buffer * Tile::stage_packs;
        if (piece < products) {
          const bool second = two_products && piece >= pieces;
          const size_t left = n.head_dim - (second ? piece - pieces : piece) * depth;
          const unsigned there = left < depth ? unsigned((left + size - 1) / size) : Tile::packs;
          if (second)
            Tile::scores(d, stage, from, from + b_start, there);
          else
            Tile::scores(s, stage, from, from + b_start, there);
          continue;
        }
        if (piece == products) {
          unsigned there[2] = {}, attends[2] = {};  // a bit for each of this lane's columns
          for (unsigned j = 0; j < Tile::mine; ++j)
            for (unsigned i = 0; i < 2; ++i) {
              const size_t row = first + Tile::row(i), column = tile_first + Tile::column(j);
              if (row >= rows || column >= columns) continue;
              there[i] |= 1u << j;
              const size_t query = by_key ? column : row, key = by_key ? row : column;
              if (!mask || allowed[query * n.keys + key]) attends[i] |= 1u << j;
            }
          VCELL_UNROLL
          for (unsigned j = 0; j < Tile::mine; ++j) {
            T largest = 0, inverse = 0, along_query = 0;
            if constexpr (by_key) {
              largest = of_column[Tile::column(j)];
              inverse = of_column[Tile::columns + Tile::column(j)];
              along_query = of_column[2 * Tile::columns + Tile::column(j)];
            }
            VCELL_UNROLL
            for (unsigned i = 0; i < 2; ++i) {
              s[i][j] = attends[i] >> j & 1 ? s[i][j] * plan.scale : -infinity;
              if constexpr (pass == AttentionPass::output) continue;
              if constexpr (!by_key) {
                largest = known.largest[i];
                inverse = known.inverse[i];
                along_query = known.along[i];
              }
              T w = std::exp(s[i][j] - largest) * inverse;
              if (two_products) w *= d[i][j] - along_query;
              s[i][j] = there[i] >> j & 1 ? w : T(0);
            }
          }
          if constexpr (pass == AttentionPass::output) output_weights<Tile>(s, known, sum);
          Tile::share(s, weights);
        }
        const unsigned at = piece - products;
        if (tile_first + at * Tile::c_rows < columns)
          Tile::accumulate(sum, s, weights, stage, from, at);
      }
    }

    VCELL_UNROLL
    for (unsigned i = 0; i < 2; ++i) {
      const size_t row = first + Tile::row(i);
      T factor = two_products ? plan.scale : T(1);
      if constexpr (pass == AttentionPass::output) {
        const T total = reduce_row(known.total[i], device::Sum());
        const bool any = known.largest[i] != -infinity;
        factor = any ? 1 / total : T(0);
        if (first_column == 0 && Tile::lane() % 4 == 0 && row < rows)
          new_r[query_start + row] = {any ? known.largest[i] : infinity, factor};
      }
      if (row >= a_rows || (row >= rows && plan.accumulate)) continue;
      T* const to = out + plan.out.start(batch, h) + row * plan.out.row;
      VCELL_UNROLL
      for (unsigned m = 0; m < Tile::out_mine; ++m) {
        const size_t column = first_column + Tile::out_column(m);
        if (column >= n.head_dim) continue;
        const T value = row < rows ? factor * sum[i][m] : T(0);
        if (plan.accumulate)
          to[column] += value;
        else
          to[column] = value;
      }
    }
  }
}

constexpr unsigned attention_along_threads = 128;

/// rowsum(dO * O) of every query that is no padding, each by a warp.
template <class T>
VCELL_KERNEL void attention_along(AttentionShape n, HeadsStrides d_strides, HeadsStrides o_strides,
                                  const T* d_o, const T* o, const int32_t* lengths, T* along) {
  constexpr unsigned warps = attention_along_threads / device::warp_size;
  const size_t rows = n.batch * n.heads * n.queries;
  const size_t warp = size_t(blockIdx.x) * warps + threadIdx.x / device::warp_size;
  for (size_t i = warp; i < rows; i += size_t(gridDim.x) * warps) {
    const size_t query = i % n.queries, head = i / n.queries;
    const size_t b = head / n.heads, h = head % n.heads;
    if (lengths && query >= size_t(lengths[b])) continue;
    const T* const x = d_o + d_strides.start(b, h) + query * d_strides.row;
    const T* const y = o + o_strides.start(b, h) + query * o_strides.row;
    T sum = 0;
    for (size_t j = threadIdx.x % device::warp_size; j < n.head_dim; j += device::warp_size)
      sum += x[j] * y[j];
    sum = device::warp_reduce(sum, device::Sum());
    if (threadIdx.x % device::warp_size == 0) along[i] = sum;
  }
}

}  // namespace detail
}  // namespace kernel
VCELL_END_NAMESPACE
