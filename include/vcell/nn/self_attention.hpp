#pragma once

#include "vcell/nn/linear.hpp"
#include "vcell/ops/self_attention.hpp"

VCELL_BEGIN_NAMESPACE

struct SelfAttentionOptions {
  size_t width = 0;     ///< of what comes in and goes out
  size_t heads = 1;     ///< how many
  size_t head_dim = 0;  ///< of each head; heads head_dim may differ from width
  double std = 0;       ///< of the initial weights, as LinearOptions::std
};

/// Multi-head attention of a set with itself, without biases, causality or positions: the
/// parameters name.q_proj.weight, and so for k, v and o. Queries, keys and values are one product.
template <class T, class Device = Cpu>
class SelfAttention {
 public:
  SelfAttention(Parameters<T, Device>& parameters, const std::string& name,
                const SelfAttentionOptions& n)
      : heads_(n.heads),
        qkv_(parameters,
             {{name + ".q_proj", n.heads * n.head_dim},
              {name + ".k_proj", n.heads * n.head_dim},
              {name + ".v_proj", n.heads * n.head_dim}},
             n.width, options(n)),
        o_(parameters, name + ".o_proj", n.heads * n.head_dim, n.width, options(n)) {}

  /// @param x     (B, S, width)
  /// @param mask  who may attend to whom (ops/attention.hpp); empty = everybody
  /// @return      (B, S, width)
  Variable<T, 3, Device> operator()(const Variable<T, 3, Device>& x,
                                    const AttentionMask<Device>& mask = {}) const {
    return o_(self_attention(qkv_(x), heads_, mask));
  }
  /// It added to something: residual + (...)(x), in one pass.
  Variable<T, 3, Device> add_to(const Variable<T, 3, Device>& residual,
                                const Variable<T, 3, Device>& x,
                                const AttentionMask<Device>& mask = {}) const {
    return o_.add_to(residual, self_attention(qkv_(x), heads_, mask));
  }

 private:
  static LinearOptions options(const SelfAttentionOptions& n) {
    return {.bias = false, .std = n.std};
  }

  size_t heads_;
  Linear<T, Device> qkv_, o_;
};

VCELL_END_NAMESPACE
