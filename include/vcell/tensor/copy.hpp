#pragma once

#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE

/// A tensor of another scalar type with the same values, each rounded to the nearest: storing in
/// bfloat16, or widening to double.
/// @param x  any shape, in host memory
template <class To, class From, int rank>
Tensor<To, rank> cast(const Tensor<From, rank>& x) {
  auto y = Tensor<To, rank>::uninitialized(x.shape());
  for (size_t i = 0; i < x.count(); ++i) y.data()[i] = To(x.data()[i]);
  return y;
}

/// A tensor that owns a copy of what a view shows.
template <class T, int rank>
Tensor<std::remove_const_t<T>, rank> to_tensor(View<T, rank> view) {
  return Tensor<std::remove_const_t<T>, rank>(view.shape, {view.data, view.count()});
}

/// A host tensor on a device, queued in the current context there: x may change at once. On the
/// Cpu it is x itself, moved.
template <class Device, class T, int rank>
Tensor<T, rank, Device> to_device(Tensor<T, rank> x) {
  if constexpr (std::is_same_v<Device, Cpu>)
    return x;
  else
    return Tensor<T, rank, Device>(x.shape(), std::as_const(x).values());
}

/// A copy in host memory of elements on any device, once the work queued before in the current
/// context is done.
/// @throws CudaError, also for what went wrong in that work
template <class T, int rank, class Device>
Tensor<std::remove_const_t<T>, rank> to_host(View<T, rank, Device> view) {
  auto copy = Tensor<std::remove_const_t<T>, rank>::uninitialized(view.shape);
  Memory<Device>::download(current_context<Device>(), copy.data(), view.data,
                           view.count() * sizeof(T));
  return copy;
}

VCELL_END_NAMESPACE
