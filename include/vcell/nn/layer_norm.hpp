#pragma once

#include "vcell/nn/parameters.hpp"
#include "vcell/ops/layer_norm.hpp"

VCELL_BEGIN_NAMESPACE

/// layer_norm with a learned scale, initially 1, and offset, initially 0: parameters `name.weight`,
/// `name.bias`.
template <class T, class Device = Cpu>
class LayerNorm {
 public:
  LayerNorm(Parameters<T, Device>& parameters, const std::string& name, size_t columns,
            const LayerNormOptions& options = {})
      : weight_(parameters.template add<1>(name + ".weight", {columns}, Initial::constant(1))),
        bias_(parameters.template add<1>(name + ".bias", {columns}, Initial::constant(0))),
        options_(options) {}

  /// @param x  (..., columns)
  template <int rank>
  Variable<T, rank, Device> operator()(const Variable<T, rank, Device>& x) const {
    return layer_norm(x, weight_, bias_, options_);
  }

 private:
  Variable<T, 1, Device> weight_, bias_;
  LayerNormOptions options_;
};

VCELL_END_NAMESPACE
