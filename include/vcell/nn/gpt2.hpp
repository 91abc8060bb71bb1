#pragma once

#include "vcell/nn/layer_norm.hpp"
#include "vcell/nn/linear.hpp"
#include "vcell/nn/run_blocks.hpp"
#include "vcell/ops/gelu.hpp"
#include "vcell/ops/self_attention.hpp"

VCELL_BEGIN_NAMESPACE

struct Gpt2Options {
  size_t width = 0;        ///< of a cell
  size_t layers = 1;       ///< blocks
  size_t heads = 1;        ///< of each block
  size_t head_dim = 0;     ///< of each head; in files of the reference width / heads
  size_t mlp_width = 0;    ///< inner width of the MLP; in files of the reference 4 width
  double epsilon = 1e-5;   ///< of the norms
  double std = 0.02;       ///< of the initial weights
  bool recompute = false;  ///< blocks in backward (nn/run_blocks.hpp)
};

/// One block of GPT-2 (Radford et al. 2019, "Language Models are Unsupervised Multitask Learners",
/// section 2.3), without positions: x += attention(norm(x)), then x += project(gelu(fc(norm(x)))),
/// gelu by a hyperbolic tangent. Every product has a bias.
template <class T, class Device = Cpu>
class Gpt2Block {
 public:
  Gpt2Block(Parameters<T, Device>& p, const std::string& name, const Gpt2Options& n)
      : heads_(n.heads),
        attention_norm_(p, name + ".ln_1", n.width, {n.epsilon}),
        qkv_(p, name + ".attn.c_attn", n.width, 3 * n.heads * n.head_dim, options(n.std)),
        attention_out_(p, name + ".attn.c_proj", n.heads * n.head_dim, n.width, last(n)),
        mlp_norm_(p, name + ".ln_2", n.width, {n.epsilon}),
        mlp_in_(p, name + ".mlp.c_fc", n.width, n.mlp_width, options(n.std)),
        mlp_out_(p, name + ".mlp.c_proj", n.mlp_width, n.width, last(n)) {}

  /// @param x     (B, S, width)
  /// @param mask  who may attend to whom (ops/attention.hpp); empty = everybody
  /// @return      (B, S, width)
  Variable<T, 3, Device> operator()(const Variable<T, 3, Device>& x,
                                    const AttentionMask<Device>& mask = {}) const {
    const auto seen = self_attention(qkv_(attention_norm_(x)), heads_, mask);
    const auto y = attention_out_.add_to(x, seen);
    return mlp_out_.add_to(y, gelu_tanh(mlp_in_(mlp_norm_(y))));
  }

 private:
  static LinearOptions options(double std) { return {.std = std, .zero_bias = true}; }
  /// Of what is added to the residual 2 layers times: its variance shall not grow with them.
  static LinearOptions last(const Gpt2Options& n) {
    return options(n.std / std::sqrt(2.0 * double(n.layers)));
  }

  size_t heads_;
  LayerNorm<T, Device> attention_norm_;
  Linear<T, Device> qkv_, attention_out_;
  LayerNorm<T, Device> mlp_norm_;
  Linear<T, Device> mlp_in_, mlp_out_;
};

/// GPT-2 blocks and a final norm over sets, without position and token tables. Who attends to whom
/// is the mask's: with none every cell attends to every cell of its set. Parameters `name.h.N.*`,
/// `name.ln_f.*`; weights lie as (out, in), the reference's files hold them transposed
/// (models/reference_arrays.hpp).
template <class T, class Device = Cpu>
class Gpt2 {
 public:
  Gpt2(Parameters<T, Device>& parameters, const std::string& name, const Gpt2Options& n)
      : blocks_(make_blocks(parameters, name, n)),
        norm_(parameters, name + ".ln_f", n.width, {n.epsilon}),
        recompute_(n.recompute) {}

  /// @param x     (B, S, width)
  /// @param mask  who may attend to whom (ops/attention.hpp); empty = everybody
  /// @return      (B, S, width)
  Variable<T, 3, Device> operator()(const Variable<T, 3, Device>& x,
                                    const AttentionMask<Device>& mask = {}) const {
    return norm_(run_blocks(blocks_, x, mask, recompute_));
  }

 private:
  static std::vector<Gpt2Block<T, Device>> make_blocks(Parameters<T, Device>& parameters,
                                                       const std::string& name,
                                                       const Gpt2Options& n) {
    std::vector<Gpt2Block<T, Device>> blocks;
    for (size_t i = 0; i < n.layers; ++i)
      blocks.emplace_back(parameters, message(name, ".h.", i), n);
    return blocks;
  }

  std::vector<Gpt2Block<T, Device>> blocks_;
  LayerNorm<T, Device> norm_;
  bool recompute_;
};

VCELL_END_NAMESPACE
