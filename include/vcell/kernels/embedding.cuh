#pragma once

#include <algorithm>

#include "vcell/kernels/device/divide.cuh"
#include "vcell/kernels/device/pack.cuh"
#include "vcell/kernels/device/stable_order.cuh"
#include "vcell/kernels/device/sum_over_y.cuh"
#include "vcell/kernels/embedding.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

/// @tparam width  elements that are read at once, a divisor of columns
template <unsigned width, class T>
VCELL_KERNEL void embedding_forward(const int32_t* index,  // (n)
                                    const T* table,        // (entries, columns)
                                    T* y,                  // (n, columns)
                                    size_t n, size_t columns) {
  const size_t run = columns / width;
  device::for_each(n * run, [&](size_t i) {
    const size_t row = device::divide(i, run), from = size_t(index[row]) * run + (i - row * run);
    constexpr device::Width<width> w;
    device::store(w, y + i * width, device::load(w, table + from * width));
  });
}

// The way back goes through dy in the order of the entries, in pieces of one number of rows, so
// that few entries with many rows each are the work of many blocks too. What lies within a piece is
// written at once. Of an entry that goes on beyond its piece, the piece where it starts leaves a
// sum in `started`, and each later one a sum in `carried`; they are added afterwards.
constexpr unsigned embedding_threads = 128;

/// A block for a piece and columns side by side, and what is beyond the grid in turn.
template <bool accumulate, class T>
VCELL_KERNEL void embedding_pieces(const T* dy,           // (n, columns)
                                   const int32_t* index,  // (n)
                                   const size_t* order,   // (n) or null
                                   T* dtable,             // (entries, columns)
                                   T* started,            // (pieces, columns)
                                   T* carried,            // (pieces, columns)
                                   int32_t* first_of,     // (pieces) the entry it begins with
                                   int32_t* goes_on,      // (pieces) the entry that starts here
                                                          // and goes on, or -1
                                   size_t n, size_t columns, size_t piece) {
  constexpr unsigned rows = embedding_threads;  // whose places are looked up at once
  VCELL_SHARED(size_t, row_at, rows);
  VCELL_SHARED(int32_t, entry_at, rows);
  const auto entry_of = [&](size_t k) { return index[order ? order[k] : k]; };
  const size_t tiles = (columns + embedding_threads - 1) / embedding_threads;
  const size_t pieces = (n + piece - 1) / piece;
  for (size_t block = blockIdx.x; block < pieces * tiles; block += gridDim.x) {
    const size_t p = block / tiles, j = block % tiles * embedding_threads + threadIdx.x;
    const size_t begin = p * piece, end = begin + piece < n ? begin + piece : n;
    int32_t entry = entry_of(begin);
    const bool came = p > 0 && entry_of(begin - 1) == entry;
    const bool goes = end < n && entry_of(end) == entry_of(end - 1);
    if (block % tiles == 0 && threadIdx.x == 0) {
      first_of[p] = entry;
      goes_on[p] = goes && !(came && entry_of(end - 1) == entry) ? entry_of(end - 1) : -1;
    }
    bool inside = !came;  // whether the entry started in this piece
    T sum = 0;
    for (size_t first = begin; first < end; first += rows) {
      const unsigned many = unsigned(end - first < rows ? end - first : rows);
      if (threadIdx.x < many) {
        const size_t row = order ? order[first + threadIdx.x] : first + threadIdx.x;
        row_at[threadIdx.x] = row;
        entry_at[threadIdx.x] = index[row];
      }
      __syncthreads();
      constexpr unsigned ahead = 8;  // rows that are read before the first of them is needed
      for (unsigned k = 0; k < many && j < columns; k += ahead) {
        T value[ahead];
        for (unsigned l = 0; l < ahead; ++l) {
          const size_t row = row_at[k + l < many ? k + l : k];
          value[l] = dy[row * columns + j];
        }
        for (unsigned l = 0; l < ahead && k + l < many; ++l) {
          const int32_t next = entry_at[k + l];
          if (next != entry) {
            if (inside)
              device::put<accumulate>(dtable[size_t(entry) * columns + j], sum);
            else
              carried[p * columns + j] = sum;
            entry = next;
            inside = true;
            sum = 0;
          }
          sum += value[l];
        }
      }
      __syncthreads();  // nobody may write the next rows while another still reads these
    }
    if (j < columns) {
      if (!inside)
        carried[p * columns + j] = sum;
      else if (goes)
        started[p * columns + j] = sum;
      else
        device::put<accumulate>(dtable[size_t(entry) * columns + j], sum);
    }
  }
}

/// Threads of a block: columns side by side, and pieces beside each other.
constexpr unsigned embedding_columns = 32, embedding_height = 8;

/// A block for an entry that goes on beyond piece p, and columns.
template <bool accumulate, class T>
VCELL_KERNEL void embedding_across_pieces(const T* started,         // (pieces, columns)
                                          const T* carried,         // (pieces, columns)
                                          const int32_t* first_of,  // (pieces)
                                          const int32_t* goes_on,   // (pieces)
                                          T* dtable,                // (entries, columns)
                                          size_t pieces, size_t columns) {
  VCELL_SHARED(T, lane, embedding_columns * embedding_height);
  const size_t tiles = (columns + embedding_columns - 1) / embedding_columns;
  for (size_t block = blockIdx.x; block < pieces * tiles; block += gridDim.x) {
    const size_t p = block / tiles, j = block % tiles * embedding_columns + threadIdx.x;
    const int32_t entry = goes_on[p];
    if (entry < 0) continue;  // the whole block
    T sum[1] = {};
    if (j < columns) {
      if (threadIdx.y == 0) sum[0] = started[p * columns + j];
      for (size_t q = p + 1 + threadIdx.y; q < pieces && first_of[q] == entry;
           q += embedding_height)
        sum[0] += carried[q * columns + j];
    }
    device::sum_over_y(sum, lane);
    if (threadIdx.y == 0 && j < columns)
      device::put<accumulate>(dtable[size_t(entry) * columns + j], sum[0]);
  }
}

}  // namespace detail

/// The way back sorts the indexes (O(n), stable) and adds up rows in that order: nothing is read or
/// added twice, and neither many entries nor few make it slow.
template <>
struct Embedding<Cuda> {
  template <class T>
  static Status forward(const Context<Cuda>& context, View<const int32_t, 1, Cuda> index,  // (n)
                        View<const T, 2, Cuda> table,  // (entries, columns)
                        View<T, 2, Cuda> y) {          // (n, columns)
    const auto [n, columns] = y.shape;
    if (n * columns == 0) return {};
    constexpr unsigned full = device::full_width<T>;
    const bool packs =
        columns % full == 0 && device::fit_packs(table.data, static_cast<const T*>(y.data));
    return device::launch(
        context, packs ? detail::embedding_forward<full, T> : detail::embedding_forward<1, T>,
        device::grid_for_each(n * columns / (packs ? full : 1)), dim3{device::each_threads},
        index.data, table.data, y.data, n, columns);
  }

  template <class T>
  static size_t backward_scratch(const Context<Cuda>&, View<const T, 2, Cuda> dy,
                                 View<const int32_t, 1, Cuda>, Target<T, 2, Cuda> dtable) {
    const auto [n, columns] = dy.shape;
    if (!dtable || n * columns == 0) return 0;
    return 2 * scratch_bytes<T>(pieces(n) * columns) + 2 * scratch_bytes<int32_t>(pieces(n)) +
           device::StableOrder::bytes(n, dtable.view.shape[0]);
  }
  template <class T>
  static Status backward(const Context<Cuda>& context, View<const T, 2, Cuda> dy,  // (n, columns)
                         View<const int32_t, 1, Cuda> index,                       // (n)
                         Target<T, 2, Cuda> dtable,  // (entries, columns)
                         Scratch<Cuda> scratch) {
    if (!dtable) return {};
    const auto [n, columns] = dy.shape;
    const size_t bytes = dtable.view.count() * sizeof(T);
    if (!dtable.accumulate && bytes) {
      const cudaError_t zeroed = cudaMemsetAsync(dtable.view.data, 0, bytes, context.stream());
      if (zeroed != cudaSuccess) return {cudaGetErrorString(zeroed)};
    }
    if (n * columns == 0) return {};
    const size_t many = pieces(n);
    T* const started = take_scratch<T>(scratch, many * columns).data;
    T* const carried = take_scratch<T>(scratch, many * columns).data;
    int32_t* const first_of = take_scratch<int32_t>(scratch, many).data;
    int32_t* const goes_on = take_scratch<int32_t>(scratch, many).data;
    const size_t* order = nullptr;
    Status status =
        device::StableOrder::run(context, index.data, n, dtable.view.shape[0], scratch, order);
    if (!status.ok()) return status;
    const auto tiles = [&, columns = columns](size_t width) {
      return (columns + width - 1) / width;
    };
    status = device::launch(
        context,
        dtable.accumulate ? detail::embedding_pieces<true, T> : detail::embedding_pieces<false, T>,
        device::grid_for(many * tiles(detail::embedding_threads)), dim3{detail::embedding_threads},
        dy.data, index.data, order, dtable.view.data, started, carried, first_of, goes_on, n,
        columns, piece(n));
    if (!status.ok() || many == 1) return status;
    return device::launch(context,
                          dtable.accumulate ? detail::embedding_across_pieces<true, T>
                                            : detail::embedding_across_pieces<false, T>,
                          device::grid_for(many * tiles(detail::embedding_columns)),
                          dim3{detail::embedding_columns, detail::embedding_height}, started,
                          carried, first_of, goes_on, dtable.view.data, many, columns);
  }

 private:
  /// Rows of a piece: enough that there are at most a thousand pieces.
  static size_t piece(size_t n) { return std::max<size_t>(16, (n + 1023) / 1024); }
  static size_t pieces(size_t n) { return (n + piece(n) - 1) / piece(n); }
};

}  // namespace kernel
VCELL_END_NAMESPACE
