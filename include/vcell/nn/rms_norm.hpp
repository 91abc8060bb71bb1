#pragma once

#include "vcell/nn/parameters.hpp"
#include "vcell/ops/rms_norm.hpp"

VCELL_BEGIN_NAMESPACE

/// rms_norm with a learned scale, initially 1: parameter `name.weight`.
template <class T, class Device = Cpu>
class RmsNorm {
 public:
  RmsNorm(Parameters<T, Device>& parameters, const std::string& name, size_t columns,
          const RmsNormOptions& options = {})
      : weight_(parameters.template add<1>(name + ".weight", {columns}, Initial::constant(1))),
        options_(options) {}

  /// @param x  (..., columns)
  template <int rank>
  Variable<T, rank, Device> operator()(const Variable<T, rank, Device>& x) const {
    return rms_norm(x, weight_, options_);
  }

 private:
  Variable<T, 1, Device> weight_;
  RmsNormOptions options_;
};

VCELL_END_NAMESPACE
