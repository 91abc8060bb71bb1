#pragma once

#include "vcell/train/adam_optimizer.hpp"

VCELL_BEGIN_NAMESPACE

struct AdamWOptions {
  /// Decay of the running mean of gradients.
  double beta1 = 0.9;
  /// Decay of the running mean of squared gradients.
  double beta2 = 0.999;
  /// Added to the root of the second moment, after its correction.
  double epsilon = 1e-8;
  /// Decoupled decay: every step first shrinks the parameter by rate * weight_decay of itself; the
  /// moments do not see it.
  double weight_decay = 5e-4;
};

/// Adam with decoupled weight decay (Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2),
/// numerically torch.optim.AdamW.
template <class T, class Device = Cpu>
struct AdamW : AdamOptimizer<T, Device> {
  /// @param parameters  the optimizer keeps handles to them, with the moments in their order
  /// @throws ConfigError if an option is out of its range
  explicit AdamW(const Parameters<T, Device>& parameters, const AdamWOptions& options = {})
      : AdamOptimizer<T, Device>(parameters, {.beta1 = options.beta1,
                                              .beta2 = options.beta2,
                                              .epsilon = options.epsilon,
                                              .decoupled = options.weight_decay}) {}
};

VCELL_END_NAMESPACE
