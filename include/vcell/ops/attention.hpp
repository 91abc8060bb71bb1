#pragma once

#include <cmath>

#include "vcell/autograd/variable.hpp"
#include "vcell/kernels/attention.hpp"

VCELL_BEGIN_NAMESPACE

struct AttentionOptions {
  /// Factor of the logits; 0 stands for 1 / sqrt(head_dim).
  double scale = 0;
};

/// Which key each query may attend to, true = attend: (batch or 1, heads or 1, queries, keys), a
/// size of 1 is broadcast. An empty mask lets everybody attend to everything.
using AttentionMaskTensor = Tensor<bool, 4>;

namespace detail {

/// (B, heads, S, head_dim)
struct HeadsFirst {
  static constexpr int heads = 1, rows = 2;  // axes
  template <class T>
  static kernel::HeadsView<T> view(View<T, 4> x) {
    return {x.data, x.shape[1] * x.shape[2] * x.shape[3], x.shape[2] * x.shape[3], x.shape[3]};
  }
};
/// (B, S, heads, head_dim)
struct HeadsLast {
  static constexpr int heads = 2, rows = 1;
  template <class T>
  static kernel::HeadsView<T> view(View<T, 4> x) {
    return {x.data, x.shape[1] * x.shape[2] * x.shape[3], x.shape[3], x.shape[2] * x.shape[3]};
  }
};

inline kernel::AttentionMask attention_mask(const AttentionMaskTensor& mask,
                                            const kernel::AttentionShape& n) {
  if (mask.shape() == Shape<4>{}) return {};
  const auto fits = [](size_t size, size_t full) { return size == full || size == 1; };
  if (!fits(mask.shape(0), n.batch) || !fits(mask.shape(1), n.heads) ||
      mask.shape(2) != n.queries || mask.shape(3) != n.keys)
    fail<ShapeError>("attention: mask ", mask.shape(), ", expected (", n.batch, " or 1, ", n.heads,
                     " or 1, ", n.queries, ", ", n.keys, ")");
  const size_t head = n.queries * n.keys;
  return {mask.data(), mask.shape(0) == 1 ? 0 : mask.shape(1) * head,
          mask.shape(1) == 1 ? 0 : head};
}

/// Attention for one layout of heads.
template <class Layout, class T, class Device>
Variable<T, 4, Device> attention(const Variable<T, 4, Device>& q, const Variable<T, 4, Device>& k,
                                 const Variable<T, 4, Device>& v, AttentionMaskTensor mask,
                                 const AttentionOptions& options) {
  constexpr int heads = Layout::heads, rows = Layout::rows;
  check_shape_match("attention", "shape of key", k.shape(), "shape of value", v.shape());
  check_size_match("attention", "batch of query", q.shape(0), "batch of key", k.shape(0));
  check_size_match("attention", "heads of query", q.shape(heads), "heads of key", k.shape(heads));
  check_size_match("attention", "head_dim of query", q.shape(3), "head_dim of key", k.shape(3));
  const kernel::AttentionShape n{q.shape(0), q.shape(heads), q.shape(rows), k.shape(rows),
                                 q.shape(3)};
  const T scale = T(options.scale != 0 ? options.scale : 1 / std::sqrt(double(n.head_dim)));
  const kernel::AttentionMask m = attention_mask(mask, n);
  auto o = Tensor<T, 4, Device>::uninitialized(q.shape());
  Buffer<kernel::AttentionRow<T>, Device> r(n.batch * n.heads * n.queries);
  kernel::check_status("attention",
                       kernel::Attention<Device>::forward(
                           n, scale, Layout::view(q.value()), Layout::view(k.value()),
                           Layout::view(v.value()), m, Layout::view(o.view()), r.data()));
  return make_variable(
      std::move(o),
      [q, k, v, n, scale, m, mask = std::move(mask), r = std::move(r)](View<const T, 4> d_o) {
        // The kernel makes all three gradients together; what nobody wants goes to scratch.
        Tensor<T, 4, Device> scratch[3];
        const auto gradient = [](const Variable<T, 4, Device>& x, Tensor<T, 4, Device>& spare) {
          if (const auto g = x.gradient()) return Layout::view(g);
          spare = Tensor<T, 4, Device>(x.shape());
          return Layout::view(spare.view());
        };
        kernel::check_status("attention", kernel::Attention<Device>::backward(
                                              n, scale, Layout::view(d_o), Layout::view(q.value()),
                                              Layout::view(k.value()), Layout::view(v.value()), m,
                                              r.data(), gradient(q, scratch[0]),
                                              gradient(k, scratch[1]), gradient(v, scratch[2])));
      },
      q, k, v);
}

}  // namespace detail

/// Multi-head scaled dot-product attention (Vaswani et al. 2017, arXiv:1706.03762, section 3.2),
/// without a causal mask and without positions: softmax(scale Q K^T) V for every head. The weights
/// of all heads never exist at once. A query that the mask leaves no key gives zeros.
///
/// @param query  (B, heads, queries, head_dim)
/// @param key    (B, heads, keys, head_dim)
/// @param value  (B, heads, keys, head_dim)
/// @param mask   (B or 1, heads or 1, queries, keys), true = attend; empty = all
/// @return       (B, heads, queries, head_dim)
/// @throws ShapeError
/// 4 B heads queries keys head_dim flops forward, 2.5 times that backward.
template <class T, class Device>
Variable<T, 4, Device> attention(const Variable<T, 4, Device>& query,
                                 const Variable<T, 4, Device>& key,
                                 const Variable<T, 4, Device>& value, AttentionMaskTensor mask = {},
                                 const AttentionOptions& options = {}) {
  return detail::attention<detail::HeadsFirst>(query, key, value, std::move(mask), options);
}

/// The same on projections, whose heads lie side by side within a row: (B, S, heads head_dim).
///
/// @param query       (B, queries, heads head_dim)
/// @param key, value  (B, keys, heads head_dim)
/// @param heads       into how many heads the last axis is cut
/// @return            (B, queries, heads head_dim)
/// @throws ShapeError, also if heads does not divide the last size
template <class T, class Device>
Variable<T, 3, Device> attention(const Variable<T, 3, Device>& query,
                                 const Variable<T, 3, Device>& key,
                                 const Variable<T, 3, Device>& value, size_t heads,
                                 AttentionMaskTensor mask = {},
                                 const AttentionOptions& options = {}) {
  const size_t width = query.shape(2);
  if (heads == 0 || width % heads)
    throw ShapeError(message("attention: ", heads, " heads do not divide the last size of query ",
                             query.shape()));
  const auto split = [&](const Variable<T, 3, Device>& x) {
    check_size_match("attention", "last size of query", width, "last size of key or value",
                     x.shape(2));
    return x.template reshape<4>({x.shape(0), x.shape(1), heads, width / heads});
  };
  return detail::attention<detail::HeadsLast>(split(query), split(key), split(value),
                                              std::move(mask), options)
      .template reshape<3>(query.shape());
}

VCELL_END_NAMESPACE
