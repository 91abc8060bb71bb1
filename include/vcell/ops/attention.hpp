#pragma once

#include "vcell/autograd/make_variable.hpp"
#include "vcell/autograd/with_targets.hpp"
#include "vcell/core/cmath.hpp"
#include "vcell/kernels/attention.hpp"

VCELL_BEGIN_NAMESPACE

struct AttentionOptions {
  /// Factor of the logits; 0 stands for 1 / sqrt(head_dim).
  double scale = 0;
};

/// Who may attend to whom. Empty: everybody to everything.
template <class Device = Cpu>
struct AttentionMask {
  /// True = attend: (batch or 1, heads or 1, queries, keys), a size of 1 is broadcast.
  Variable<bool, 4, Device> allowed{};
  /// (batch) of sets padded to one length: how many queries and keys of each are real. What comes
  /// after them is not read and gets zeros.
  Variable<int32_t, 1, Device> lengths{};
};

namespace detail {

/// (B, heads, S, head_dim)
struct HeadsFirst {
  static constexpr int heads = 1, rows = 2;  // axes
  template <class T, class Device>
  static kernel::HeadsView<T, Device> view(View<T, 4, Device> x, bool accumulate = false) {
    const size_t head = x.shape[2] * x.shape[3];
    return {x.data, x.shape[1] * head, head, x.shape[3], accumulate};
  }
};
/// (B, S, heads, head_dim)
struct HeadsLast {
  static constexpr int heads = 2, rows = 1;
  template <class T, class Device>
  static kernel::HeadsView<T, Device> view(View<T, 4, Device> x, bool accumulate = false) {
    const size_t row = x.shape[2] * x.shape[3];
    return {x.data, x.shape[1] * row, x.shape[3], row, accumulate};
  }
};

/// What the kernel is told of a mask that fits.
template <class Device>
kernel::AttentionMask<Device> mask_view(const Variable<bool, 4, Device>& allowed,
                                        const Variable<int32_t, 1, Device>& lengths) {
  kernel::AttentionMask<Device> mask;
  if (allowed) {
    const size_t head = allowed.shape(2) * allowed.shape(3);
    mask = {allowed.value().data, allowed.shape(0) == 1 ? 0 : allowed.shape(1) * head,
            allowed.shape(1) == 1 ? 0 : head};
  }
  if (lengths) mask.lengths = lengths.value();
  return mask;
}

template <class Device>
void check_mask(const AttentionMask<Device>& mask, const kernel::AttentionShape& n) {
  const auto fits = [](size_t size, size_t full) { return size == full || size == 1; };
  const auto shape = mask.allowed.shape();
  if (mask.allowed && (!fits(shape[0], n.batch) || !fits(shape[1], n.heads) ||
                       shape[2] != n.queries || shape[3] != n.keys))
    fail<ShapeError>("attention: mask ", shape, ", expected (", n.batch, " or 1, ", n.heads,
                     " or 1, ", n.queries, ", ", n.keys, ")");
  if (!mask.lengths) return;
  check_size_match("attention", "lengths", mask.lengths.count(), "batch of query", n.batch);
  check_size_match("attention", "queries of padded sets", n.queries, "keys", n.keys);
}

/// Attention for one layout of heads.
template <class Layout, class T, class Device>
Variable<T, 4, Device> attention(const Variable<T, 4, Device>& q, const Variable<T, 4, Device>& k,
                                 const Variable<T, 4, Device>& v, const AttentionMask<Device>& mask,
                                 const AttentionOptions& options) {
  constexpr int heads = Layout::heads, rows = Layout::rows;
  check_shape_match("attention", "shape of key", k.shape(), "shape of value", v.shape());
  check_size_match("attention", "batch of query", q.shape(0), "batch of key", k.shape(0));
  check_size_match("attention", "heads of query", q.shape(heads), "heads of key", k.shape(heads));
  check_size_match("attention", "head_dim of query", q.shape(3), "head_dim of key", k.shape(3));
  const kernel::AttentionShape n{q.shape(0), q.shape(heads), q.shape(rows), k.shape(rows),
                                 q.shape(3)};
  check_mask(mask, n);
  const T scale = T(options.scale != 0 ? options.scale : 1 / std::sqrt(double(n.head_dim)));
  using Rows = Tensor<kernel::AttentionRow<T>, 1, Device>;
  auto o = Tensor<T, 4, Device>::uninitialized(q.shape());
  auto r = Rows::uninitialized({n.batch * n.heads * n.queries});
  kernel::forward<kernel::Attention, Device>("attention", n, scale, Layout::view(q.value()),
                                             Layout::view(k.value()), Layout::view(v.value()),
                                             mask_view(mask.allowed, mask.lengths),
                                             Layout::view(o.view()), r.view());
  return make_variable(
      std::move(o),
      [n, scale, r = std::move(r)](auto d_o, auto out, const auto& query, const auto& key,
                                   const auto& value, const auto& allowed, const auto& lengths) {
        const auto put = [](const auto& to) { return Layout::view(to.view, to.accumulate); };
        with_targets(
            "attention",
            [&](auto dq, auto dk, auto dv) {
              kernel::backward<kernel::Attention, Device>(
                  "attention", n, scale, Layout::view(d_o), Layout::view(out),
                  Layout::view(query.value()), Layout::view(key.value()),
                  Layout::view(value.value()), mask_view(allowed, lengths), r.view(), put(dq),
                  put(dk), put(dv));
            },
            query, key, value);
      },
      q, k, v, mask.allowed, mask.lengths);
}

}  // namespace detail

/// Multi-head scaled dot-product attention (Vaswani et al. 2017, arXiv:1706.03762, section 3.2),
/// without a causal mask and without positions: softmax(scale Q K^T) V for every head. The weights
/// of all heads never exist at once. A query that the mask leaves no key gives zeros.
///
/// @param query  (B, heads, queries, head_dim)
/// @param key    (B, heads, keys, head_dim)
/// @param value  (B, heads, keys, head_dim)
/// @param mask   who may attend to whom
/// @return       (B, heads, queries, head_dim)
/// @throws ShapeError
/// 4 B heads queries keys head_dim flops forward, 2.5 times that backward.
template <class T, class Device>
Variable<T, 4, Device> attention(const Variable<T, 4, Device>& query,
                                 const Variable<T, 4, Device>& key,
                                 const Variable<T, 4, Device>& value,
                                 const std::type_identity_t<AttentionMask<Device>>& mask = {},
                                 const AttentionOptions& options = {}) {
  return detail::attention<detail::HeadsFirst>(query, key, value, mask, options);
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
                                 const std::type_identity_t<AttentionMask<Device>>& mask = {},
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
  return detail::attention<detail::HeadsLast>(split(query), split(key), split(value), mask, options)
      .template reshape<3>(query.shape());
}

VCELL_END_NAMESPACE
