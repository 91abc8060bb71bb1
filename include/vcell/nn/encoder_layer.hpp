#pragma once

#include "vcell/nn/dropout.hpp"
#include "vcell/nn/layer_norm.hpp"
#include "vcell/nn/linear.hpp"
#include "vcell/ops/add.hpp"
#include "vcell/ops/self_attention.hpp"

VCELL_BEGIN_NAMESPACE

struct EncoderLayerOptions {
  size_t width = 0;         ///< of a token
  size_t heads = 1;         ///< must divide the width
  size_t mlp_width = 0;     ///< inner width of the MLP
  bool norm_first = false;  ///< pre-norm in place of post-norm
  double dropout = 0;       ///< after attention, within the MLP and after it
  double epsilon = 1e-5;    ///< of the norms
};

/// One layer of a transformer encoder (Vaswani et al. 2017, arXiv:1706.03762, section 3.1), with
/// biases and the exact GELU. Post-norm, as it was published:
///
///   y = norm1(x + drop(out_proj(attention(qkv_proj(x)))))
///   z = norm2(y + drop(linear2(drop(gelu(linear1(y))))))
///
/// Pre-norm (Xiong et al. 2020, arXiv:2002.04745): y = x + drop(attention(norm1(x))), and
/// z = y + drop(mlp(norm2(y))). Parameters `name.qkv_proj`, `out_proj`, `norm1`, `norm2`,
/// `linear1`, `linear2`.
template <class T, class Device = Cpu>
class EncoderLayer {
 public:
  /// @throws ConfigError if the heads do not divide the width
  EncoderLayer(Parameters<T, Device>& p, const std::string& name, const EncoderLayerOptions& n)
      : heads_(checked(n).heads),
        norm_first_(n.norm_first),
        drops_(n.dropout > 0),
        qkv_(p, name + ".qkv_proj", n.width, 3 * n.width),
        out_(p, name + ".out_proj", n.width, n.width),
        norm1_(p, name + ".norm1", n.width, {n.epsilon}),
        norm2_(p, name + ".norm2", n.width, {n.epsilon}),
        linear1_(p, name + ".linear1", n.width, n.mlp_width),
        linear2_(p, name + ".linear2", n.mlp_width, n.width),
        attention_dropout_(name + ".dropout1", n.dropout),
        inner_dropout_(name + ".dropout", n.dropout),
        mlp_dropout_(name + ".dropout2", n.dropout) {}

  /// @param x     (B, S, width)
  /// @param mask  who may attend to whom (ops/attention.hpp); empty = everybody
  /// @param kept  of a layer that is computed again (ops/self_attention.hpp)
  /// @return      (B, S, width)
  Variable<T, 3, Device> operator()(const Variable<T, 3, Device>& x,
                                    const AttentionMask<Device>& mask = {},
                                    const Pass<Device>& pass = {},
                                    KeptAttention<T, Device>* kept = nullptr) const {
    if (norm_first_) {
      const auto y = add_attention(x, norm1_(x), mask, pass, kept);
      return add_mlp(y, norm2_(y), pass);
    }
    const auto y = norm1_(add_attention(x, x, mask, pass, kept));
    return norm2_(add_mlp(y, y, pass));
  }

 private:
  using Tokens = Variable<T, 3, Device>;

  static const EncoderLayerOptions& checked(const EncoderLayerOptions& n) {
    check_positive("EncoderLayer", "heads", n.heads);
    if (n.width % n.heads)
      throw ConfigError(message("EncoderLayer: ", n.heads, " heads do not divide the width ",
                                n.width, "; choose one that is a multiple of the other"));
    return n;
  }
  Tokens add_attention(const Tokens& residual, const Tokens& x, const AttentionMask<Device>& mask,
                       const Pass<Device>& pass, KeptAttention<T, Device>* kept) const {
    const auto a = self_attention(qkv_(x), heads_, mask, {}, kept);
    if (!drops_ || !pass.training) return out_.add_to(residual, a);
    return add(residual, attention_dropout_(out_(a), pass));
  }
  Tokens add_mlp(const Tokens& residual, const Tokens& x, const Pass<Device>& pass) const {
    const auto inner = inner_dropout_(linear1_.gelu(x), pass);
    if (!drops_ || !pass.training) return linear2_.add_to(residual, inner);
    return add(residual, mlp_dropout_(linear2_(inner), pass));
  }

  size_t heads_;
  bool norm_first_, drops_;
  Linear<T, Device> qkv_, out_;
  LayerNorm<T, Device> norm1_, norm2_;
  Linear<T, Device> linear1_, linear2_;
  Dropout attention_dropout_, inner_dropout_, mlp_dropout_;
};

VCELL_END_NAMESPACE
