#pragma once

#include <cudnn.h>

#include <compare>

#include "vcell/tensor/cudnn_graph.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// Everything that cuDNN's way of attention depends on, but for the device.
struct CudnnAttentionShape {
  int64_t batch = 0, heads = 0, queries = 0, keys = 0;
  int64_t head_dim = 0;  ///< a multiple of 8
  bool padded = false;   ///< there are lengths
  auto operator<=>(const CudnnAttentionShape&) const = default;
};

/// Tensors of both graphs, by the numbers that they are handed over by. Dense, (B, heads, S,
/// head_dim) of bfloat16 but for those that say another.
struct CudnnAttentionTensor {
  enum Id : int64_t {
    q = 1,
    k,
    v,
    o,
    row_sums,  ///< (B, heads, queries, 1) of float: log sum_j exp(s[i, j])
    scale,     ///< a float of the host
    query_lengths,
    key_lengths,  ///< (B, 1, 1, 1) of int32, each at least 1
    masked,       ///< a float of the host: the score of what is padding, -infinity
    d_o,
    d_q,
    d_k,
    d_v,
    along,  ///< (B, heads, queries, 1) of float: rowsum(dO * O), memory to work in
    one     ///< a float of the host
  };
};

namespace detail {

/// The operations that forward and backward share.
class CudnnAttention {
 public:
  using Tensor = CudnnGraph::Tensor;
  using Id = CudnnAttentionTensor;

  /// The patterns that cuDNN knows as attention (developer guide of its graph API, "fused flash
  /// attention").
  static CudnnGraph forward(const CudnnAttentionShape& n) {
    CudnnAttention a(n);
    const Tensor s = a.scores();
    const Tensor largest = a.of_rows(), shifted = a.weights(), e = a.weights(), sum = a.of_rows(),
                 logarithm = a.of_rows(), p = a.weights(CUDNN_DATA_BFLOAT16);
    const Tensor v = a.matrix(Id::v, n.keys), o = a.matrix(Id::o, n.queries);
    a.graph_.reduce(CUDNN_REDUCE_TENSOR_MAX, s, largest);
    a.graph_.pointwise(CUDNN_POINTWISE_SUB, s, largest, shifted);
    a.graph_.pointwise(CUDNN_POINTWISE_EXP, shifted, nullptr, e);
    a.graph_.reduce(CUDNN_REDUCE_TENSOR_ADD, e, sum);
    a.graph_.pointwise(CUDNN_POINTWISE_LOG, sum, nullptr, logarithm);
    a.graph_.pointwise(CUDNN_POINTWISE_ADD, largest, logarithm, a.rows(Id::row_sums));
    a.graph_.pointwise(CUDNN_POINTWISE_DIV, e, sum, p);
    a.graph_.product(p, v, o, {a.of_queries_, nullptr, a.of_keys_});
    return std::move(a.graph_);
  }

  /// dQ is one product of all dS, which lie in the workspace, 2 B heads S^2 bytes: the way whose
  /// sums have one order. (cuDNN's other one adds dQ up in memory by float atomics, and no note of
  /// its engine says so.)
  static CudnnGraph backward(const CudnnAttentionShape& n) {
    CudnnAttention a(n);
    const Tensor o = a.matrix(Id::o, n.queries), d_o = a.matrix(Id::d_o, n.queries);
    const Tensor products = a.graph_.between(CUDNN_DATA_FLOAT, a.place(n.queries)),
                 sums = a.of_rows(), along = a.rows(Id::along), one = a.graph_.scalar(Id::one);
    a.graph_.pointwise(CUDNN_POINTWISE_MUL, d_o, o, products);
    a.graph_.reduce(CUDNN_REDUCE_TENSOR_ADD, products, sums);
    a.graph_.pointwise(CUDNN_POINTWISE_MUL, sums, one, along);

    const Tensor s = a.scores(), row_sums = a.rows(Id::row_sums);
    const Tensor shifted = a.weights(), p = a.weights(), p_t = a.transposed_weights();
    a.graph_.pointwise(CUDNN_POINTWISE_SUB, s, row_sums, shifted);
    a.graph_.pointwise(CUDNN_POINTWISE_EXP, shifted, nullptr, p);
    a.graph_.reshape(p, p_t);
    const CudnnGraph::Part by_key{a.of_keys_, nullptr, a.of_queries_};
    a.graph_.product(p_t, d_o, a.matrix(Id::d_v, n.keys), by_key);

    const Tensor v_t = a.graph_.tensor(Id::v, CUDNN_DATA_BFLOAT16, a.place(n.keys).transposed());
    const Tensor d_p = a.weights(), without = a.weights(), unscaled = a.weights(),
                 d_s = a.weights(CUDNN_DATA_BFLOAT16), d_s_t = a.transposed_weights();
    a.graph_.product(d_o, v_t, d_p, {a.of_queries_, a.of_keys_, nullptr});
    a.graph_.pointwise(CUDNN_POINTWISE_SUB, d_p, along, without);
    a.graph_.pointwise(CUDNN_POINTWISE_MUL, without, p, unscaled);
    a.graph_.pointwise(CUDNN_POINTWISE_MUL, unscaled, a.scale_, d_s);
    a.graph_.reshape(d_s, d_s_t);
    a.graph_.product(d_s_t, a.q_, a.matrix(Id::d_k, n.keys), by_key);

    const Tensor k = a.graph_.between(CUDNN_DATA_BFLOAT16, a.place(n.keys));
    a.graph_.reshape(a.k_t_, k);
    a.graph_.product(d_s, k, a.matrix(Id::d_q, n.queries), {a.of_queries_, nullptr, a.of_keys_});
    return std::move(a.graph_);
  }

 private:
  explicit CudnnAttention(const CudnnAttentionShape& n)
      : n_(n),
        q_(matrix(Id::q, n.queries)),
        k_t_(graph_.tensor(Id::k, CUDNN_DATA_BFLOAT16, place(n.keys).transposed())),
        scale_(graph_.scalar(Id::scale)) {
    if (!n.padded) return;
    const CudnnPlace each = CudnnPlace::dense(n.batch, 1, 1, 1);
    of_queries_ = graph_.tensor(Id::query_lengths, CUDNN_DATA_INT32, each);
    of_keys_ = graph_.tensor(Id::key_lengths, CUDNN_DATA_INT32, each);
  }

  CudnnPlace place(int64_t rows) const {
    return CudnnPlace::dense(n_.batch, n_.heads, rows, n_.head_dim);
  }
  Tensor matrix(int64_t id, int64_t rows) {
    return graph_.tensor(id, CUDNN_DATA_BFLOAT16, place(rows));
  }
  /// One number of every query.
  Tensor rows(int64_t id) {
    return graph_.tensor(id, CUDNN_DATA_FLOAT,
                         CudnnPlace::dense(n_.batch, n_.heads, n_.queries, 1));
  }
  Tensor of_rows() {
    return graph_.between(CUDNN_DATA_FLOAT, CudnnPlace::dense(n_.batch, n_.heads, n_.queries, 1));
  }
  /// One number of every query and key.
  Tensor weights(cudnnDataType_t type = CUDNN_DATA_FLOAT) {
    return graph_.between(type, CudnnPlace::dense(n_.batch, n_.heads, n_.queries, n_.keys));
  }
  Tensor transposed_weights() {
    return graph_.between(CUDNN_DATA_BFLOAT16,
                          CudnnPlace::dense(n_.batch, n_.heads, n_.queries, n_.keys).transposed());
  }

  /// scale Q K^T, and -infinity where there is padding.
  Tensor scores() {
    const Tensor products = weights(), scaled = weights();
    graph_.product(q_, k_t_, products, {of_queries_, of_keys_, nullptr});
    graph_.pointwise(CUDNN_POINTWISE_MUL, products, scale_, scaled);
    if (!n_.padded) return scaled;
    const Tensor row = weights(CUDNN_DATA_INT32), column = weights(CUDNN_DATA_INT32),
                 row_is = weights(CUDNN_DATA_BOOLEAN), column_is = weights(CUDNN_DATA_BOOLEAN),
                 both = weights(CUDNN_DATA_BOOLEAN), masked = weights();
    constexpr auto boolean = CUDNN_DATA_BOOLEAN;
    graph_.index(2, scaled, row);
    graph_.index(3, scaled, column);
    graph_.pointwise(CUDNN_POINTWISE_CMP_LT, row, of_queries_, row_is, nullptr, boolean);
    graph_.pointwise(CUDNN_POINTWISE_CMP_LT, column, of_keys_, column_is, nullptr, boolean);
    graph_.pointwise(CUDNN_POINTWISE_LOGICAL_AND, row_is, column_is, both, nullptr, boolean);
    graph_.pointwise(CUDNN_POINTWISE_BINARY_SELECT, scaled, graph_.scalar(Id::masked), masked,
                     both);
    return masked;
  }

  CudnnAttentionShape n_;
  CudnnGraph graph_;
  Tensor q_, k_t_, scale_, of_queries_ = nullptr, of_keys_ = nullptr;
};

}  // namespace detail

/// O and the rows' sums of Q, K and V.
/// @throws CudaError
inline CudnnGraph cudnn_attention_forward(const CudnnAttentionShape& shape) {
  return detail::CudnnAttention::forward(shape);
}
/// dQ, dK and dV of Q, K, V, O, dO and the rows' sums.
/// @throws CudaError
inline CudnnGraph cudnn_attention_backward(const CudnnAttentionShape& shape) {
  return detail::CudnnAttention::backward(shape);
}

}  // namespace kernel
VCELL_END_NAMESPACE
