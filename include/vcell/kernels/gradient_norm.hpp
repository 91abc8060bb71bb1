#pragma once

#include "vcell/kernels/status.hpp"
#include "vcell/kernels/sum_in_pieces.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// squares = sum_i x[i]^2 of a flat view, in double.
template <class Device>
struct GradientNorm : Missing<Device> {};

template <>
struct GradientNorm<Cpu> {
  template <class T>
  static size_t run_scratch(const Context<Cpu>&, View<const T, 1> x, View<double, 0>) {
    return SumInPieces::bytes(x.shape[0]);
  }
  template <class T>
  static Status run(const Context<Cpu>& context, View<const T, 1> x, View<double, 0> squares,
                    Scratch<> scratch) {
    *squares.data = SumInPieces::run(context, x.shape[0], scratch, [=](size_t i) {
      return double(x.data[i]) * double(x.data[i]);
    });
    return {};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
