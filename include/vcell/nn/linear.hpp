#pragma once

#include "vcell/core/cmath.hpp"
#include "vcell/nn/parameters.hpp"
#include "vcell/ops/linear.hpp"
#include "vcell/ops/linear_add.hpp"
#include "vcell/ops/linear_gelu.hpp"
#include "vcell/ops/linear_silu_gate.hpp"

VCELL_BEGIN_NAMESPACE

struct LinearOptions {
  /// Adds a learned vector.
  bool bias = true;
  /// Initial weights are drawn from N(0, std^2), or with 0, as the bias is in any case,
  /// from U(-1 / sqrt(in), 1 / sqrt(in)).
  double std = 0;
  /// The bias starts at 0.
  bool zero_bias = false;
  /// Starts at 0, weights and bias: whatever it reads, its output does too.
  bool zero = false;
};

/// y = x W^T + b with learned W (out, in) and b (out): parameters `name.weight`, `name.bias`.
/// Several that read the same input are one, whose output has them side by side.
template <class T, class Device = Cpu>
class Linear {
 public:
  Linear(Parameters<T, Device>& parameters, const std::string& name, size_t in, size_t out,
         const LinearOptions& options = {})
      : Linear(parameters, {{name, out}}, in, options) {}
  /// @param groups  their names and how wide the output of each is
  Linear(Parameters<T, Device>& parameters, const std::vector<NamedRows>& groups, size_t in,
         const LinearOptions& options = {}) {
    const double bound = in ? 1 / std::sqrt(double(in)) : 0;
    size_t out = 0;
    auto weights = groups, biases = groups;
    for (size_t i = 0; i < groups.size(); ++i) {
      out += groups[i].rows;
      weights[i].name += ".weight";
      biases[i].name += ".bias";
    }
    weight_ = parameters.template add_rows<2>(weights, {out, in},
                                              options.zero      ? Initial::constant(0)
                                              : options.std > 0 ? Initial::normal(options.std)
                                                                : Initial::uniform(bound));
    if (options.bias)
      bias_ = parameters.template add_rows<1>(
          biases, {out},
          options.zero || options.zero_bias ? Initial::constant(0) : Initial::uniform(bound));
  }

  /// @param x  (..., in)
  /// @return   (..., out)
  template <int rank>
  Variable<T, rank, Device> operator()(const Variable<T, rank, Device>& x) const {
    return linear(x, weight_, bias_);
  }
  /// gelu of it, in one pass.
  template <int rank>
  Variable<T, rank, Device> gelu(const Variable<T, rank, Device>& x) const {
    return linear_gelu(x, weight_, bias_);
  }
  /// It added to something: residual + x W^T + b, in one pass.
  template <int rank>
  Variable<T, rank, Device> add_to(const Variable<T, rank, Device>& residual,
                                   const Variable<T, rank, Device>& x) const {
    return linear_add(residual, x, weight_, bias_);
  }
  /// The first half of it gates the second: (..., out / 2).
  template <int rank>
  Variable<T, rank, Device> silu_gate(const Variable<T, rank, Device>& x) const {
    return linear_silu_gate(x, weight_, bias_);
  }

 private:
  Variable<T, 2, Device> weight_;
  Variable<T, 1, Device> bias_;
};

VCELL_END_NAMESPACE
