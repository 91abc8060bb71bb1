#pragma once

#include <type_traits>

#include "vcell/tensor/memory_cuda.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE

/// A copy on the GPU of elements in host memory.
/// @throws CudaError
template <class T, int rank>
Tensor<std::remove_const_t<T>, rank, Cuda> to_cuda(View<T, rank> host) {
  auto copy = Tensor<std::remove_const_t<T>, rank, Cuda>::uninitialized(host.shape);
  Memory<Cuda>::upload(copy.data(), host.data, host.count() * sizeof(T));
  return copy;
}

/// A copy in host memory of a tensor on the GPU, once the kernels queued before are done.
/// @throws CudaError, also for what went wrong in one of these kernels
template <class T, int rank>
Tensor<T, rank> to_cpu(const Tensor<T, rank, Cuda>& device) {
  auto copy = Tensor<T, rank>::uninitialized(device.shape());
  Memory<Cuda>::download(copy.data(), device.data(), device.count() * sizeof(T));
  return copy;
}

VCELL_END_NAMESPACE
