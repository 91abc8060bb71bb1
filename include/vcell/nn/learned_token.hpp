#pragma once

#include "vcell/nn/parameters.hpp"
#include "vcell/ops/concatenate.hpp"
#include "vcell/ops/embedding.hpp"

VCELL_BEGIN_NAMESPACE

/// A learned vector that stands before the cells of every set, initially N(0, 1): parameter `name`
/// (1, 1, width).
template <class T, class Device = Cpu>
class LearnedToken {
 public:
  LearnedToken(Parameters<T, Device>& parameters, const std::string& name, size_t width)
      : token_(parameters.template add<3>(name, {1, 1, width}, Initial::normal(1))) {}

  /// @param x  (B, S, width)
  /// @return   (B, 1 + S, width)
  Variable<T, 3, Device> before(const Variable<T, 3, Device>& x) const {
    const auto table = token_.template reshape<2>({1, token_.shape(2)});
    return concatenate(embedding(Tensor<int32_t, 2>({x.shape(0), 1}), table), x, 1);
  }

 private:
  Variable<T, 3, Device> token_;
};

VCELL_END_NAMESPACE
