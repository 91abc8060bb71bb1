#pragma once

#include "vcell/kernels/device/row_function.cuh"
#include "vcell/kernels/softmax.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

/// A thread reads and writes the same columns in every pass, so y may be x and serves to keep the
/// exponentials.
struct SoftmaxOfRow {
  template <unsigned threads, class T>
  static __device__ void forward(const T* x, T* y, size_t columns) {
    const T m = device::max_row<threads, T>(columns, [=](size_t j) { return x[j]; });
    const T sum =
        device::sum_row<threads, T>(columns, [=](size_t j) { return y[j] = std::exp(x[j] - m); });
    const T scale = 1 / sum;
    device::for_each_column<threads>(columns, [=](size_t j) { y[j] *= scale; });
  }
  template <unsigned threads, bool accumulate, class T>
  static __device__ void backward(const T* dy, const T* y, T* dx, size_t columns) {
    const T along = device::sum_row<threads, T>(columns, [=](size_t j) { return dy[j] * y[j]; });
    device::for_each_column<threads>(
        columns, [=](size_t j) { device::put<accumulate>(dx[j], y[j] * (dy[j] - along)); });
  }
};

}  // namespace detail

template <>
struct Softmax<Cuda> : device::RowFunction<detail::SoftmaxOfRow> {};

}  // namespace kernel
VCELL_END_NAMESPACE
