#pragma once

#include "vcell/kernels/status.hpp"
#include "vcell/kernels/sum_in_pieces.hpp"
#include "vcell/kernels/target.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// out = sum_i x[i] / n, in double;   dx[i] (+)= g / n.
template <class Device>
struct Mean : Missing<Device> {};

template <>
struct Mean<Cpu> {
  template <class T>
  static size_t forward_scratch(const Context<Cpu>&, View<const T, 1> x, View<T, 0>) {
    return SumInPieces::bytes(x.shape[0]);
  }
  template <class T>
  static Status forward(const Context<Cpu>& context, View<const T, 1> x, View<T, 0> out,
                        Scratch<> scratch) {
    *out.data = T(SumInPieces::run(context, x.shape[0], scratch, [=](size_t i) { return x[i]; }) /
                  double(x.shape[0]));
    return {};
  }
  template <class T>
  static Status backward(const Context<Cpu>& context, View<const T, 0> g, Target<T, 1> dx) {
    if (!dx) return {};
    const T share = *g.data / T(dx.view.shape[0]);
    with_put(dx.accumulate, [&](auto put) {
      parallel_for(context, dx.view.shape[0], 1 << 15, [=](size_t begin, size_t end) {
        for (size_t i = begin; i < end; ++i) put(dx.view.data[i], share);
      });
    });
    return {};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
