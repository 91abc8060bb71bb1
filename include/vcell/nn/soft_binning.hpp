#pragma once

#include "vcell/nn/linear.hpp"
#include "vcell/ops/leaky_relu.hpp"
#include "vcell/ops/softmax.hpp"
#include "vcell/ops/swap_axes.hpp"

VCELL_BEGIN_NAMESPACE

struct SoftBinningOptions {
  size_t width = 0;     ///< of what comes out
  size_t bins = 10;     ///< learned vectors
  size_t hidden = 512;  ///< width inside
  double slope = 0.01;  ///< of the leaky relu
};

/// A number as a mixture of learned vectors, one a bin (Adduri et al. 2025, State, Methods 4.4):
///
///   y = softmax(W2 leaky_relu(W1 c + b1) + b2) T
///
/// Parameters `mlp.0`, `mlp.2` with weight and bias, and `table.weight` (bins, width), initially
/// N(0, 1).
template <class T, class Device = Cpu>
class SoftBinning {
 public:
  /// @param mlp, table  what names of parameters begin with
  SoftBinning(Parameters<T, Device>& parameters, const std::string& mlp, const std::string& table,
              const SoftBinningOptions& n)
      : slope_(n.slope),
        first_(parameters, mlp + ".0", 1, n.hidden),
        second_(parameters, mlp + ".2", n.hidden, n.bins),
        table_(
            parameters.template add<2>(table + ".weight", {n.bins, n.width}, Initial::normal(1))) {}

  /// @param c  (...)
  /// @return   (..., width)
  template <int rank>
  Variable<T, rank + 1, Device> operator()(const Variable<T, rank, Device>& c) const {
    Shape<rank + 1> shape{};
    for (int i = 0; i < rank; ++i) shape[size_t(i)] = c.shape(i);
    shape[size_t(rank)] = 1;
    const auto weights =
        softmax(second_(leaky_relu(first_(c.template reshape<rank + 1>(shape)), {slope_})));
    return linear(weights, swap_axes(table_, 0, 1));
  }

 private:
  double slope_;
  Linear<T, Device> first_, second_;
  Variable<T, 2, Device> table_;
};

VCELL_END_NAMESPACE
