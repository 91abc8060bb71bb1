#pragma once

#include "vcell/nn/rms_norm.hpp"
#include "vcell/nn/run_blocks.hpp"
#include "vcell/nn/self_attention.hpp"

VCELL_BEGIN_NAMESPACE

struct LlamaOptions {
  size_t width = 0;        ///< of a cell
  size_t layers = 1;       ///< blocks
  size_t heads = 1;        ///< of each block
  size_t head_dim = 0;     ///< of each head; heads head_dim may differ from width
  size_t mlp_width = 0;    ///< inner width of the gated MLP
  double epsilon = 1e-6;   ///< of the norms
  double std = 0.02;       ///< of the initial weights
  bool recompute = false;  ///< blocks in backward (nn/run_blocks.hpp)
};

/// One block of the llama architecture (Touvron et al. 2023, arXiv:2302.13971, section 2.2),
/// without positions: x += attention(norm(x)), then x += down(silu(gate(norm(x))) * up(norm(x))).
template <class T, class Device = Cpu>
class LlamaBlock {
 public:
  LlamaBlock(Parameters<T, Device>& p, const std::string& name, const LlamaOptions& n)
      : input_norm_(p, name + ".input_layernorm", n.width, {n.epsilon}),
        attention_(p, name + ".self_attn", {n.width, n.heads, n.head_dim, n.std}),
        output_norm_(p, name + ".post_attention_layernorm", n.width, {n.epsilon}),
        gate_up_(p, {{name + ".mlp.gate_proj", n.mlp_width}, {name + ".mlp.up_proj", n.mlp_width}},
                 n.width, options(n)),
        down_(p, name + ".mlp.down_proj", n.mlp_width, n.width, options(n)) {}

  /// @param x  (B, S, width)
  Variable<T, 3, Device> operator()(const Variable<T, 3, Device>& x,
                                    const AttentionMask<Device>& mask = {}) const {
    const auto y = attention_.add_to(x, input_norm_(x), mask);
    return down_.add_to(y, gate_up_.silu_gate(output_norm_(y)));
  }

 private:
  static LinearOptions options(const LlamaOptions& n) { return {.bias = false, .std = n.std}; }

  RmsNorm<T, Device> input_norm_;
  SelfAttention<T, Device> attention_;
  RmsNorm<T, Device> output_norm_;
  Linear<T, Device> gate_up_, down_;
};

/// Llama blocks and a final norm over sets: every cell attends to every cell of its set, and a set
/// has no order. Parameters `name.layers.N.*`, `name.norm.weight`.
template <class T, class Device = Cpu>
class Llama {
 public:
  Llama(Parameters<T, Device>& parameters, const std::string& name, const LlamaOptions& n)
      : blocks_(make_blocks(parameters, name, n)),
        norm_(parameters, name + ".norm", n.width, {n.epsilon}),
        recompute_(n.recompute) {}

  /// @param x     (B, S, width)
  /// @param mask  who may attend to whom (ops/attention.hpp); empty = everybody
  /// @return      (B, S, width)
  Variable<T, 3, Device> operator()(const Variable<T, 3, Device>& x,
                                    const AttentionMask<Device>& mask = {}) const {
    return norm_(run_blocks(blocks_, x, mask, recompute_));
  }

 private:
  static std::vector<LlamaBlock<T, Device>> make_blocks(Parameters<T, Device>& parameters,
                                                        const std::string& name,
                                                        const LlamaOptions& n) {
    std::vector<LlamaBlock<T, Device>> blocks;
    for (size_t i = 0; i < n.layers; ++i)
      blocks.emplace_back(parameters, message(name, ".layers.", i), n);
    return blocks;
  }

  std::vector<LlamaBlock<T, Device>> blocks_;
  RmsNorm<T, Device> norm_;
  bool recompute_;
};

VCELL_END_NAMESPACE
