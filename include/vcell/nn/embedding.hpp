#pragma once

#include "vcell/nn/parameters.hpp"
#include "vcell/ops/embedding.hpp"

VCELL_BEGIN_NAMESPACE

/// A learned vector for each of a number of entries, initially N(0, 1): parameter `name.weight`.
template <class T, class Device = Cpu>
class Embedding {
 public:
  Embedding(Parameters<T, Device>& parameters, const std::string& name, size_t entries,
            size_t columns)
      : table_(
            parameters.template add<2>(name + ".weight", {entries, columns}, Initial::normal(1))) {}

  /// @param index  (...), each within 0 .. entries - 1
  /// @return       (..., columns)
  template <int rank>
  Variable<T, rank + 1, Device> operator()(const Indices<rank, Device>& index) const {
    return embedding(index, table_);
  }
  template <int rank>
  Variable<T, rank + 1, Device> operator()(const Tensor<int32_t, rank>& index) const {
    return embedding(index, table_);
  }

 private:
  Variable<T, 2, Device> table_;
};

VCELL_END_NAMESPACE
