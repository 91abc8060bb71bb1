#pragma once

#include <algorithm>
#include <limits>

#include "vcell/core/device.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/kernels/exponential.hpp"
#include "vcell/kernels/lanes.hpp"
#include "vcell/kernels/serial_gemm.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/tensor/thread_scratch.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// Queries, keys, values or outputs of all heads: row i of head h of batch b starts at
/// data + b batch_stride + h head_stride + i row_stride. So one kernel reads (B, heads, S,
/// head_dim) and the interleaved (B, S, heads head_dim) of a projection alike.
template <class T>
struct HeadsView {
  T* data = nullptr;
  size_t batch_stride = 0, head_stride = 0, row_stride = 0;

  MatrixView<T> head(size_t b, size_t h, size_t rows, size_t head_dim) const {
    const size_t start = rows ? b * batch_stride + h * head_stride : 0;
    return {data + start, rows, head_dim, row_stride};
  }
};

/// Which key each query may attend to: element (i, j) of head h of batch b lies at
/// data + b batch_stride + h head_stride + i keys + j; stride 0 broadcasts. True = attend.
struct AttentionMask {
  const bool* data = nullptr;  ///< null: every key
  size_t batch_stride = 0, head_stride = 0;
};

struct AttentionShape {
  size_t batch, heads, queries, keys, head_dim;
};

/// What backward needs to make the weights of one query again.
template <class T>
struct AttentionRow {
  T largest;  ///< score; infinity where there is no key
  T inverse;  ///< 1 / sum of exp(score - largest)
};

/// Scaled dot-product attention (Vaswani et al. 2017, arXiv:1706.03762, eq. 1), each head by
/// itself:
///
///   P = softmax(scale Q K^T, masked keys left out),   O = P V
///   r[i] = max_j s[i, j] and 1 / sum_j exp(s[i, j] - max)   with s = scale Q K^T, kept for
///   backward
///
///   dV += P^T dO,  dP = dO V^T,  dS = P * (dP - rowsum(P * dP)),
///   dQ += scale dS K,  dK += scale dS^T Q
///
/// Weights exist for one tile of queries of one head at a time and are made again in backward from
/// r (as Dao et al. 2022, arXiv:2205.14135, section 3, but without the logarithm, which would lose
/// as many digits of P as s has before the point). A query that may attend to no key gives zeros. A
/// null gradient view is not wanted; dQ, dK, dV all or none.
template <class Device>
struct Attention {
  static_assert(sizeof(Device) == 0,
                "vcell: attention has no kernel for this device in this translation unit: compile "
                "it with nvcc and include <vcell/cuda.cuh>");
};

template <>
struct Attention<Cpu> {
  static constexpr size_t tile = 64;  // queries whose weights exist at a time

  template <class T>
  static Status forward(const AttentionShape& n, T scale, HeadsView<const T> q,
                        HeadsView<const T> k, HeadsView<const T> v, const AttentionMask& mask,
                        HeadsView<T> o,
                        AttentionRow<T>* r) {  // (batch, heads, queries)
    ThreadScratch<T> scratch(tile * n.keys);
    for_tiles(n, [&](size_t b, size_t h, size_t first, size_t rows) {
      const View<T, 2> weights{scratch.mine(), {rows, n.keys}};
      AttentionRow<T>* rt = r + (b * n.heads + h) * n.queries + first;
      const auto qt = q.head(b, h, n.queries, n.head_dim).block(first, rows, 0, n.head_dim);
      scores(n, scale, qt, k.head(b, h, n.keys, n.head_dim), mask, b, h, first, weights);
      for (size_t i = 0; i < rows; ++i) {
        T* p = weights[i].data;
        const T largest = reduce_lanes(
            n.keys, -infinity<T>, [=](size_t j) { return p[j]; },
            [](T a, T c) { return c > a ? c : a; });
        if (largest == -infinity<T>) {  // no key; what is not a number stays so
          for (size_t j = 0; j < n.keys; ++j) p[j] = p[j] == -infinity<T> ? T(0) : p[j];
          rt[i] = {infinity<T>, T(0)};  // exp(s - largest) is 0 for every key
          continue;
        }
        for (size_t j = 0; j < n.keys; ++j) p[j] = exponential(p[j] - largest);
        const T sum = sum_lanes<T>(n.keys, [=](size_t j) { return p[j]; }), inverse = 1 / sum;
        for (size_t j = 0; j < n.keys; ++j) p[j] *= inverse;
        rt[i] = {largest, inverse};
      }
      serial_gemm<T>(false, false, T(1), weights, v.head(b, h, n.keys, n.head_dim), T(0),
                     o.head(b, h, n.queries, n.head_dim).block(first, rows, 0, n.head_dim));
    });
    return {};
  }

  template <class T>
  static Status backward(const AttentionShape& n, T scale, HeadsView<const T> d_o,
                         HeadsView<const T> q, HeadsView<const T> k, HeadsView<const T> v,
                         const AttentionMask& mask, const AttentionRow<T>* r, HeadsView<T> dq,
                         HeadsView<T> dk, HeadsView<T> dv) {
    ThreadScratch<T> weights(tile * n.keys), gradients(tile * n.keys);
    // A head is one piece of work: the sums over its queries have one order.
    parallel_for(n.batch * n.heads, 1, [&](size_t begin, size_t end) {
      for (size_t head = begin; head < end; ++head)
        for (size_t first = 0; first < n.queries; first += tile)
          backward_tile(n, scale, d_o, q, k, v, mask, r, dq, dk, dv, head / n.heads, head % n.heads,
                        first, std::min(tile, n.queries - first), weights.mine(), gradients.mine());
    });
    return {};
  }

 private:
  template <class T>
  static constexpr T infinity = std::numeric_limits<T>::infinity();

  template <class F>
  static void for_tiles(const AttentionShape& n, F f) {
    const size_t tiles = (n.queries + tile - 1) / tile;
    parallel_for(n.batch * n.heads * tiles, 1, [&](size_t begin, size_t end) {
      for (size_t t = begin; t < end; ++t) {
        const size_t head = t / tiles, first = t % tiles * tile;
        f(head / n.heads, head % n.heads, first, std::min(tile, n.queries - first));
      }
    });
  }

  /// scale Q K^T of one tile, -infinity where masked.
  template <class T>
  static void scores(const AttentionShape& n, T scale, MatrixView<const T> q, MatrixView<const T> k,
                     const AttentionMask& mask, size_t b, size_t h, size_t first, View<T, 2> s) {
    serial_gemm<T>(false, true, scale, q, k, T(0), MatrixView<T>(s));
    if (!mask.data) return;
    const bool* m = mask.data + b * mask.batch_stride + h * mask.head_stride + first * n.keys;
    for (size_t i = 0; i < s.count(); ++i)
      if (!m[i]) s.data[i] = -infinity<T>;
  }

  template <class T>
  static void backward_tile(const AttentionShape& n, T scale, HeadsView<const T> d_o,
                            HeadsView<const T> q, HeadsView<const T> k, HeadsView<const T> v,
                            const AttentionMask& mask, const AttentionRow<T>* r, HeadsView<T> dq,
                            HeadsView<T> dk, HeadsView<T> dv, size_t b, size_t h, size_t first,
                            size_t rows, T* weights, T* gradients) {
    const auto part = [&](const auto& view) {
      return view.head(b, h, n.queries, n.head_dim).block(first, rows, 0, n.head_dim);
    };
    const auto whole = [&](const auto& view) { return view.head(b, h, n.keys, n.head_dim); };
    const MatrixView<const T> dot = part(d_o);
    const View<T, 2> p{weights, {rows, n.keys}}, ds{gradients, {rows, n.keys}};
    scores(n, scale, part(q), whole(k), mask, b, h, first, p);
    const AttentionRow<T>* rt = r + (b * n.heads + h) * n.queries + first;
    for (size_t i = 0; i < rows; ++i) {
      const AttentionRow<T> row = rt[i];
      T* pi = p[i].data;
      for (size_t j = 0; j < n.keys; ++j) pi[j] = exponential(pi[j] - row.largest) * row.inverse;
    }
    serial_gemm<T>(true, false, T(1), p, dot, T(1), whole(dv));
    serial_gemm<T>(false, true, T(1), dot, whole(v), T(0), MatrixView<T>(ds));
    for (size_t i = 0; i < rows; ++i) {
      const T* pi = p[i].data;
      T* dsi = ds[i].data;
      const T along = sum_lanes<T>(n.keys, [=](size_t j) { return pi[j] * dsi[j]; });
      for (size_t j = 0; j < n.keys; ++j) dsi[j] = pi[j] * (dsi[j] - along);
    }
    serial_gemm<T>(false, false, scale, ds, whole(k), T(1), part(dq));
    serial_gemm<T>(true, false, scale, ds, part(q), T(1), whole(dk));
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
