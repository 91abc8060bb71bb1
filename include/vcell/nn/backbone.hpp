#pragma once

#include <optional>

#include "vcell/nn/backbone_kind.hpp"
#include "vcell/nn/gpt2.hpp"
#include "vcell/nn/llama.hpp"
#include "vcell/nn/pass.hpp"

VCELL_BEGIN_NAMESPACE

struct BackboneOptions {
  BackboneKind kind = BackboneKind::llama;
  size_t width = 0;        ///< of a cell
  size_t layers = 1;       ///< blocks
  size_t heads = 1;        ///< of each block
  size_t head_dim = 0;     ///< of each head
  size_t mlp_width = 0;    ///< inner width of a block's MLP
  bool recompute = false;  ///< blocks in backward (nn/run_blocks.hpp)
};

/// A backbone that is chosen at run time: one of a closed list, so that it copies and moves like
/// any layer.
template <class T, class Device = Cpu>
class Backbone {
 public:
  Backbone(Parameters<T, Device>& parameters, const std::string& name, const BackboneOptions& n) {
    switch (n.kind) {
      case BackboneKind::llama:
        llama_.emplace(parameters, name,
                       LlamaOptions{.width = n.width,
                                    .layers = n.layers,
                                    .heads = n.heads,
                                    .head_dim = n.head_dim,
                                    .mlp_width = n.mlp_width,
                                    .recompute = n.recompute});
        return;
      case BackboneKind::gpt2:
        gpt2_.emplace(parameters, name,
                      Gpt2Options{.width = n.width,
                                  .layers = n.layers,
                                  .heads = n.heads,
                                  .head_dim = n.head_dim,
                                  .mlp_width = n.mlp_width,
                                  .recompute = n.recompute});
        return;
    }
    throw ConfigError(message("Backbone: ", int(n.kind), " is no kind of backbone"));
  }

  /// @param x     (B, S, width)
  /// @param mask  who may attend to whom (ops/attention.hpp); empty = everybody
  /// @param pass  training or not, and what dropout is a function of
  /// @return      (B, S, width)
  Variable<T, 3, Device> operator()(const Variable<T, 3, Device>& x,
                                    const AttentionMask<Device>& mask,
                                    [[maybe_unused]] const Pass<Device>& pass) const {
    return gpt2_ ? (*gpt2_)(x, mask) : (*llama_)(x, mask);
  }

 private:
  std::optional<Llama<T, Device>> llama_;
  std::optional<Gpt2<T, Device>> gpt2_;
};

VCELL_END_NAMESPACE
