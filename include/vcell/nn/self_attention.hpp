#pragma once

#include "vcell/nn/linear.hpp"
#include "vcell/ops/attention.hpp"

VCELL_BEGIN_NAMESPACE

struct SelfAttentionOptions {
  size_t width = 0;      ///< of what comes in and goes out
  size_t heads = 1;      ///< how many
  size_t head_dim = 0;   ///< of each head; heads head_dim may differ from width
  double deviation = 0;  ///< of the initial weights, as LinearOptions::deviation
};

/// Multi-head attention of a set with itself, without biases, causality or positions: the
/// parameters name.q_proj.weight, and so for k, v and o.
template <class T, class Device = Cpu>
class SelfAttention {
 public:
  SelfAttention(Parameters<T, Device>& parameters, const std::string& name,
                const SelfAttentionOptions& n)
      : heads_(n.heads),
        q_(parameters, name + ".q_proj", n.width, n.heads * n.head_dim, options(n)),
        k_(parameters, name + ".k_proj", n.width, n.heads * n.head_dim, options(n)),
        v_(parameters, name + ".v_proj", n.width, n.heads * n.head_dim, options(n)),
        o_(parameters, name + ".o_proj", n.heads * n.head_dim, n.width, options(n)) {}

  /// @param x     (B, S, width)
  /// @param mask  who may attend to whom (ops/attention.hpp); empty = everybody
  /// @return      (B, S, width)
  Variable<T, 3, Device> operator()(const Variable<T, 3, Device>& x,
                                    const AttentionMaskTensor& mask = {}) const {
    return o_(attention(q_(x), k_(x), v_(x), heads_, mask));
  }

 private:
  static LinearOptions options(const SelfAttentionOptions& n) {
    return {.bias = false, .deviation = n.deviation};
  }

  size_t heads_;
  Linear<T, Device> q_, k_, v_, o_;
};

VCELL_END_NAMESPACE
