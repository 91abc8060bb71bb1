#pragma once

#include <cmath>

#include "vcell/nn/parameters.hpp"
#include "vcell/ops/linear.hpp"

VCELL_BEGIN_NAMESPACE

struct LinearOptions {
  /// Adds a learned vector.
  bool bias = true;
  /// Initial weights are drawn from N(0, deviation^2), or with 0, as the bias always is, from
  /// U(-1 / sqrt(in), 1 / sqrt(in)).
  double deviation = 0;
};

/// y = x W^T + b with learned W (out, in) and b (out): parameters `name.weight`, `name.bias`.
template <class T, class Device = Cpu>
class Linear {
 public:
  Linear(Parameters<T, Device>& parameters, const std::string& name, size_t in, size_t out,
         const LinearOptions& options = {}) {
    const double bound = in ? 1 / std::sqrt(double(in)) : 0;
    weight_ = options.deviation > 0
                  ? parameters.template normal<2>(name + ".weight", {out, in}, options.deviation)
                  : parameters.template uniform<2>(name + ".weight", {out, in}, bound);
    if (options.bias) bias_ = parameters.template uniform<1>(name + ".bias", {out}, bound);
  }

  /// @param x  (..., in)
  /// @return   (..., out)
  template <int rank>
  Variable<T, rank, Device> operator()(const Variable<T, rank, Device>& x) const {
    return linear(x, weight_, bias_);
  }

 private:
  Variable<T, 2, Device> weight_;
  Variable<T, 1, Device> bias_;
};

VCELL_END_NAMESPACE
