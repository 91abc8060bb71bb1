#pragma once

#include "vcell/train/adam_optimizer.hpp"

VCELL_BEGIN_NAMESPACE

struct AdamOptions {
  /// Decay of the running mean of gradients.
  double beta1 = 0.9;
  /// Decay of the running mean of squared gradients.
  double beta2 = 0.999;
  /// Added to the root of the second moment, after its correction.
  double epsilon = 1e-8;
  /// L2 penalty: weight_decay times the parameter is added to its gradient, and so passes through
  /// the moments. For decay that does not, see AdamW.
  double weight_decay = 0;
};

/// Adam (Kingma & Ba 2015, arXiv:1412.6980, algorithm 1), numerically torch.optim.Adam.
template <class T, class Device = Cpu>
struct Adam : AdamOptimizer<T, Device> {
  /// @param parameters  the optimizer keeps handles to them, with the moments in their order
  /// @throws ConfigError if an option is out of its range
  explicit Adam(const Parameters<T, Device>& parameters, const AdamOptions& options = {})
      : AdamOptimizer<T, Device>(parameters, {.beta1 = options.beta1,
                                              .beta2 = options.beta2,
                                              .epsilon = options.epsilon,
                                              .l2 = options.weight_decay}) {}
};

VCELL_END_NAMESPACE
