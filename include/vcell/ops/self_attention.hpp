#pragma once

#include "vcell/autograd/recompute.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/ops/attention.hpp"

VCELL_BEGIN_NAMESPACE

/// What self_attention found, for a function that is computed again in backward (recompute): its
/// first call keeps it here, the second takes it and does without the products of queries and keys.
/// B S heads (head_dim + 2) numbers.
template <class T, class Device = Cpu>
struct KeptAttention {
  Variable<T, 3, Device> output;
  Variable<kernel::AttentionRow<T>, 1, Device> rows;
};

/// Multi-head attention of sets with themselves (ops/attention.hpp), on queries, keys and values
/// that one projection made side by side.
///
/// @param qkv    (B, S, 3 heads head_dim): of every cell its queries, its keys, its values
/// @param heads  how many; head_dim follows
/// @param mask   who may attend to whom
/// @param kept   filled by the first call, used by the next, which has the same arguments; null: no
/// @return       (B, S, heads head_dim)
/// @throws ShapeError, also if the last size is not 3 heads times something
template <class T, class Device>
Variable<T, 3, Device> self_attention(const Variable<T, 3, Device>& qkv, size_t heads,
                                      const std::type_identity_t<AttentionMask<Device>>& mask = {},
                                      const AttentionOptions& options = {},
                                      KeptAttention<T, Device>* kept = nullptr) {
  if (heads == 0 || qkv.shape(2) % (3 * heads))
    detail::fail<ShapeError>("self_attention: last size of ", qkv.shape(),
                             " is not a multiple of 3 x ", heads, " heads");
  const size_t width = qkv.shape(2) / 3;
  const kernel::AttentionShape n{qkv.shape(0), heads, qkv.shape(1), qkv.shape(1), width / heads};
  detail::check_mask(mask, n);
  const T scale = T(options.scale != 0 ? options.scale : 1 / std::sqrt(double(n.head_dim)));
  // The third of every row that holds queries (0), keys (1) or values (2).
  const auto third = [n, width]<class U>(View<U, 3, Device> all, size_t which,
                                         bool accumulate = false) {
    return kernel::HeadsView<U, Device>{all.data ? all.data + which * width : nullptr,
                                        n.queries * 3 * width, n.head_dim, 3 * width, accumulate};
  };
  const auto heads_of = [n, width]<class U>(View<U, 3, Device> x) {
    return kernel::HeadsView<U, Device>{x.data, n.queries * width, n.head_dim, width};
  };
  using Rows = Tensor<kernel::AttentionRow<T>, 1, Device>;
  using Kept = Variable<kernel::AttentionRow<T>, 1, Device>;
  const auto pull_back = [n, scale, third, heads_of](auto d_o, auto out, const auto& x,
                                                     const auto& allowed, const auto& lengths,
                                                     const Kept& r) {
    const auto d = x.gradient_target();
    kernel::backward<kernel::Attention, Device>(
        "self_attention", n, scale, heads_of(d_o), heads_of(out), third(x.value(), 0),
        third(x.value(), 1), third(x.value(), 2), detail::mask_view(allowed, lengths), r.value(),
        third(d.view, 0, d.accumulate), third(d.view, 1, d.accumulate),
        third(d.view, 2, d.accumulate));
  };
  if (kept && kept->output) {
    check_shape_match("self_attention", "shape of the result", Shape<3>{n.batch, n.queries, width},
                      "shape of what was kept", kept->output.shape());
    if (!records(qkv)) return kept->output;
    return detail::record_again(kept->output, pull_back, qkv, mask.allowed, mask.lengths,
                                kept->rows);
  }
  auto o = Tensor<T, 3, Device>::uninitialized({n.batch, n.queries, width});
  const Kept rows(Rows::uninitialized({n.batch * heads * n.queries}));
  kernel::forward<kernel::Attention, Device>("self_attention", n, scale, third(qkv.value(), 0),
                                             third(qkv.value(), 1), third(qkv.value(), 2),
                                             detail::mask_view(mask.allowed, mask.lengths),
                                             heads_of(o.view()), rows.mutable_value());
  auto y = make_variable(std::move(o), pull_back, qkv, mask.allowed, mask.lengths, rows);
  if (kept) *kept = {y, rows};
  return y;
}

VCELL_INSTANTIATE(ops, Variable<float, 3> self_attention(const Variable<float, 3>&, size_t,
                                                         const AttentionMask<Cpu>&,
                                                         const AttentionOptions&,
                                                         KeptAttention<float>*));

VCELL_END_NAMESPACE
