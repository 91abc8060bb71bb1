#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "vcell/kernels/exponential.hpp"
#include "vcell/kernels/lanes.hpp"
#include "vcell/kernels/serial_gemm.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/tensor/scratch.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// Queries, keys, values or outputs of all heads: row i of head h of batch b starts at
/// data + b batch_stride + h head_stride + i row_stride. So one kernel reads (B, heads, S,
/// head_dim), the interleaved (B, S, heads head_dim) of a projection, and one third of the rows of
/// a projection that made queries, keys and values together.
template <class T, class Device = Cpu>
struct HeadsView {
  T* data = nullptr;
  size_t batch_stride = 0, head_stride = 0, row_stride = 0;
  /// Where this is a gradient: add to what is there instead of assigning (kernels/target.hpp).
  bool accumulate = false;

  explicit operator bool() const { return data != nullptr; }
  MatrixView<T, Device> head(size_t b, size_t h, size_t rows, size_t head_dim) const {
    const size_t start = rows ? b * batch_stride + h * head_stride : 0;
    return {data + start, rows, head_dim, row_stride};
  }
};

/// Which key each query may attend to: element (i, j) of head h of batch b lies at
/// data + b batch_stride + h head_stride + i keys + j; stride 0 broadcasts. True = attend.
template <class Device = Cpu>
struct AttentionMask {
  const bool* data = nullptr;  ///< null: every key
  size_t batch_stride = 0, head_stride = 0;
  /// (B) queries and keys of each batch; what comes after them is padding. Null: all.
  View<const int32_t, 1, Device> lengths{};
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
///   dV (+)= P^T dO,  dP = dO V^T,  dS = P * (dP - rowsum(dO * O)),
///   dQ (+)= scale dS K,  dK (+)= scale dS^T Q
///
/// Weights exist for one tile of queries of one head at a time and are made again in backward from
/// r (as Dao et al. 2022, arXiv:2205.14135, section 3, but without the logarithm, which would lose
/// as many digits of P as s has before the point); rowsum(dO * O) is rowsum(P * dP). A query that
/// may attend to no key, and one that is padding, gives zeros; padding is never read, its gradients
/// are zeros. Null gradients are not wanted; those that are do not overlap.
template <class Device>
struct Attention : Missing<Device> {};

template <>
struct Attention<Cpu> {
  static constexpr size_t tile = 128;  // queries whose weights exist at a time

  template <class T, class... Rest>
  static size_t forward_scratch(const Context<Cpu>& context, const AttentionShape& n, T,
                                const Rest&...) {
    return ThreadScratch<T>::bytes(context, tile * n.keys);
  }

  template <class T>
  static Status forward(const Context<Cpu>& context, const AttentionShape& n, T scale,
                        HeadsView<const T> q, HeadsView<const T> k, HeadsView<const T> v,
                        const AttentionMask<>& mask, HeadsView<T> o,
                        View<AttentionRow<T>, 1> r,  // (batch heads queries)
                        Scratch<> memory) {
    const ThreadScratch<T> scratch(context, memory, tile * n.keys);
    const size_t tiles = (n.queries + tile - 1) / tile;
    parallel_for(context, n.batch * n.heads * tiles, 1, [&](size_t begin, size_t end) {
      const ProductSession session;
      for (size_t t = begin; t < end; ++t) {
        const size_t head = t / tiles, first = t % tiles * tile;
        const Head place = head_of(n, mask, head / n.heads, head % n.heads);
        forward_tile(session, place, scale, q, k, v, mask, o, r.data + head * n.queries, first,
                     std::min(tile, n.queries - first), scratch.mine());
      }
    });
    return {};
  }

  template <class T, class... Rest>
  static size_t backward_scratch(const Context<Cpu>& context, const AttentionShape& n, T,
                                 const Rest&...) {
    return 2 * ThreadScratch<T>::bytes(context, tile * n.keys);
  }

  template <class T>
  static Status backward(const Context<Cpu>& context, const AttentionShape& n, T scale,
                         HeadsView<const T> d_o, HeadsView<const T> o, HeadsView<const T> q,
                         HeadsView<const T> k, HeadsView<const T> v, const AttentionMask<>& mask,
                         View<const AttentionRow<T>, 1> r, HeadsView<T> dq, HeadsView<T> dk,
                         HeadsView<T> dv, Scratch<> memory) {
    const ThreadScratch<T> weights(context, memory, tile * n.keys),
        gradients(context, memory, tile * n.keys);
    // A head is one piece of work: the sums over its queries have one order.
    parallel_for(context, n.batch * n.heads, 1, [&](size_t begin, size_t end) {
      const ProductSession session;
      for (size_t head = begin; head < end; ++head) {
        const Head place = head_of(n, mask, head / n.heads, head % n.heads);
        clear(place, dq, n.queries, place.queries);
        clear(place, dk, n.keys, place.queries ? place.keys : 0);
        clear(place, dv, n.keys, place.queries ? place.keys : 0);
        for (size_t first = 0; first < place.queries; first += tile)
          backward_tile(session, place, scale, d_o, o, q, k, v, mask, r.data + head * n.queries, dq,
                        dk, dv, first, std::min(tile, place.queries - first), weights.mine(),
                        gradients.mine());
      }
    });
    return {};
  }

 private:
  template <class T>
  static constexpr T infinity = std::numeric_limits<T>::infinity();

  /// One head of one batch: how many queries and keys are no padding.
  struct Head {
    size_t b, h, queries, keys, head_dim, mask_columns;

    template <class View>
    auto part(const View& view, size_t first, size_t rows) const {
      return view.head(b, h, first + rows, head_dim).block(first, rows, 0, head_dim);
    }
    template <class View>
    auto all_keys(const View& view) const {
      return view.head(b, h, keys, head_dim);
    }
  };

  static Head head_of(const AttentionShape& n, const AttentionMask<>& mask, size_t b, size_t h) {
    const size_t length = mask.lengths ? size_t(mask.lengths[b]) : ~size_t(0);
    return {b, h, std::min(n.queries, length), std::min(n.keys, length), n.head_dim, n.keys};
  }

  /// Sets the rows from `first` on to zero, unless they are only added to.
  template <class T>
  static void clear(const Head& place, const HeadsView<T>& to, size_t rows, size_t first) {
    if (!to || to.accumulate) return;
    const auto all = to.head(place.b, place.h, rows, place.head_dim);
    for (size_t i = first; i < rows; ++i) std::fill_n(all.row(i), all.columns, T(0));
  }

  template <class T>
  static void forward_tile(const ProductSession& session, const Head& n, T scale,
                           HeadsView<const T> q, HeadsView<const T> k, HeadsView<const T> v,
                           const AttentionMask<>& mask, HeadsView<T> o,
                           AttentionRow<T>* r,  // of the head
                           size_t first, size_t rows, T* scratch) {
    const size_t there = std::min(rows, n.queries - std::min(n.queries, first));
    const auto padding = n.part(o, first + there, rows - there);
    for (size_t i = 0; i < rows - there; ++i) std::fill_n(padding.row(i), padding.columns, T(0));
    if (there == 0) return;
    const View<T, 2> weights{scratch, {there, n.keys}};
    scores(session, n, scale, n.part(q, first, there), n.all_keys(k), mask, first, weights);
    for (size_t i = 0; i < there; ++i) {
      T* p = weights[i].data;
      const T largest = max_lanes<T>(n.keys, [=](size_t j) { return p[j]; });
      if (largest == -infinity<T>) {  // no key; what is not a number stays so
        for (size_t j = 0; j < n.keys; ++j) p[j] = p[j] == -infinity<T> ? T(0) : p[j];
        r[first + i] = {infinity<T>, T(0)};  // exp(s - largest) is 0 for every key
        continue;
      }
      const T sum =
          sum_lanes<T>(n.keys, [=](size_t j) { return p[j] = exponential(p[j] - largest); });
      r[first + i] = {largest, 1 / sum};
    }
    const MatrixView<T> out = n.part(o, first, there);
    serial_gemm<T>(session, false, false, T(1), weights, n.all_keys(v), T(0), out);
    // Here and not in the weights, of which there are more.
    for (size_t i = 0; i < there; ++i)
      for (size_t j = 0; j < out.columns; ++j) out.row(i)[j] *= r[first + i].inverse;
  }

  /// scale Q K^T of one tile, -infinity where masked.
  template <class T>
  static void scores(const ProductSession& session, const Head& n, T scale, MatrixView<const T> q,
                     MatrixView<const T> k, const AttentionMask<>& mask, size_t first,
                     View<T, 2> s) {
    serial_gemm<T>(session, false, true, scale, q, k, T(0), MatrixView<T>(s));
    if (!mask.data) return;
    const bool* m = mask.data + n.b * mask.batch_stride + n.h * mask.head_stride;
    for (size_t i = 0; i < s.shape[0]; ++i)
      for (size_t j = 0; j < n.keys; ++j)
        if (!m[(first + i) * n.mask_columns + j]) s(i, j) = -infinity<T>;
  }

  template <class T>
  static void backward_tile(const ProductSession& session, const Head& n, T scale,
                            HeadsView<const T> d_o, HeadsView<const T> o, HeadsView<const T> q,
                            HeadsView<const T> k, HeadsView<const T> v, const AttentionMask<>& mask,
                            const AttentionRow<T>* r,  // of the head
                            HeadsView<T> dq, HeadsView<T> dk, HeadsView<T> dv, size_t first,
                            size_t rows, T* weights, T* gradients) {
    const MatrixView<const T> dot = n.part(d_o, first, rows), out = n.part(o, first, rows);
    const View<T, 2> p{weights, {rows, n.keys}}, ds{gradients, {rows, n.keys}};
    scores(session, n, scale, n.part(q, first, rows), n.all_keys(k), mask, first, p);
    for (size_t i = 0; i < rows; ++i) {
      const AttentionRow<T> row = r[first + i];
      T* pi = p[i].data;
      for (size_t j = 0; j < n.keys; ++j) pi[j] = exponential(pi[j] - row.largest) * row.inverse;
    }
    const auto beta = [&](const HeadsView<T>& to) { return T(first > 0 || to.accumulate); };
    if (dv) serial_gemm<T>(session, true, false, T(1), p, dot, beta(dv), n.all_keys(dv));
    if (!dq && !dk) return;
    serial_gemm<T>(session, false, true, T(1), dot, n.all_keys(v), T(0), MatrixView<T>(ds));
    for (size_t i = 0; i < rows; ++i) {
      const T *pi = p[i].data, *doi = dot.row(i), *oi = out.row(i);
      T* dsi = ds[i].data;
      const T along = sum_lanes<T>(n.head_dim, [=](size_t c) { return doi[c] * oi[c]; });
      for (size_t j = 0; j < n.keys; ++j) dsi[j] = pi[j] * (dsi[j] - along);
    }
    if (dq)
      serial_gemm<T>(session, false, false, scale, ds, n.all_keys(k), T(dq.accumulate),
                     n.part(dq, first, rows));
    if (dk)
      serial_gemm<T>(session, true, false, scale, ds, n.part(q, first, rows), beta(dk),
                     n.all_keys(dk));
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
