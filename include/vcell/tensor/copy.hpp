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

VCELL_END_NAMESPACE
