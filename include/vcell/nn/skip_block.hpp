#pragma once

#include "vcell/nn/layer_norm.hpp"
#include "vcell/nn/linear.hpp"
#include "vcell/ops/relu.hpp"

VCELL_BEGIN_NAMESPACE

/// layer_norm(x + W2 relu(W1 x)), twice as wide inside: parameters `name.intermediate_dense`,
/// `name.dense`, `name.layer_norm`.
template <class T, class Device = Cpu>
class SkipBlock {
 public:
  SkipBlock(Parameters<T, Device>& parameters, const std::string& name, size_t width)
      : inner_(parameters, name + ".intermediate_dense", width, 2 * width),
        outer_(parameters, name + ".dense", 2 * width, width),
        norm_(parameters, name + ".layer_norm", width) {}

  /// @param x  (..., width)
  /// @return   (..., width)
  template <int rank>
  Variable<T, rank, Device> operator()(const Variable<T, rank, Device>& x) const {
    return norm_(outer_.add_to(x, relu(inner_(x))));
  }

 private:
  Linear<T, Device> inner_, outer_;
  LayerNorm<T, Device> norm_;
};

VCELL_END_NAMESPACE
