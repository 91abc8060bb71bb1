#pragma once

#include "vcell/kernels/device/sum_in_pieces.cuh"
#include "vcell/kernels/gradient_norm.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

struct SquaresOf {
  template <class T>
  __device__ double term(size_t i, const T* x, double*) const {
    return double(x[i]) * double(x[i]);
  }
  template <class T>
  __device__ void finish(double sum, const T*, double* squares) const {
    if (threadIdx.x == 0) *squares = sum;
  }
};

}  // namespace detail

template <>
struct GradientNorm<Cuda> {
  template <class T>
  static size_t run_scratch(const Context<Cuda>&, View<const T, 1, Cuda> x, View<double, 0, Cuda>) {
    return device::SumInPieces::bytes(x.shape[0]);
  }
  template <class T>
  static Status run(const Context<Cuda>& context, View<const T, 1, Cuda> x,
                    View<double, 0, Cuda> squares, Scratch<Cuda> scratch) {
    return device::SumInPieces::run(context, x.shape[0], scratch, detail::SquaresOf{}, x.data,
                                    squares.data);
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
