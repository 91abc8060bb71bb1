#pragma once

#include "vcell/kernels/device/row_function.cuh"
#include "vcell/kernels/log_softmax.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

/// A thread reads and writes the same columns, so y may be x.
struct LogSoftmaxOfRow {
  template <unsigned threads, class T>
  static __device__ void forward(const T* x, T* y, size_t columns) {
    const T m = device::max_row<threads, T>(columns, [=](size_t j) { return x[j]; });
    const T log_sum = std::log(
        device::sum_row<threads, T>(columns, [=](size_t j) { return T(std::exp(x[j] - m)); }));
    device::for_each_column<threads>(columns, [=](size_t j) { y[j] = (x[j] - m) - log_sum; });
  }
  template <unsigned threads, bool accumulate, class T>
  static __device__ void backward(const T* dy, const T* y, T* dx, size_t columns) {
    const T sum = device::sum_row<threads, T>(columns, [=](size_t j) { return dy[j]; });
    device::for_each_column<threads>(columns, [=](size_t j) {
      device::put<accumulate>(dx[j], T(dy[j] - std::exp(y[j]) * sum));
    });
  }
};

}  // namespace detail

template <>
struct LogSoftmax<Cuda> : device::RowFunction<detail::LogSoftmaxOfRow> {};

}  // namespace kernel
VCELL_END_NAMESPACE
