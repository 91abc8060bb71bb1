#pragma once

#include <span>

#include "vcell/autograd/variable.hpp"

VCELL_BEGIN_NAMESPACE

/// Brings values from the host to a leaf, queued in the current context: into the memory that it
/// has, where that is of this shape, so that work which was recorded finds them there; else the
/// leaf becomes a new one. The values may change at once.
/// @param values  of the shape, on the host
/// @param leaf    data without a gradient, which no recorded operation still needs; may be empty
/// @throws ShapeError if their number is not that of the shape
template <class T, int rank, class Device>
void send(std::span<const T> values, const Shape<rank>& shape, Variable<T, rank, Device>& leaf) {
  check_size_match("send", "number of values", values.size(), "elements of the shape",
                   vcell::count(shape));
  if (!leaf || leaf.shape() != shape)
    leaf = Variable<T, rank, Device>(Tensor<T, rank, Device>::uninitialized(shape));
  Memory<Device>::upload(current_context<Device>(), leaf.mutable_value().data, values.data(),
                         values.size_bytes());
}
template <class T, int rank, class Device>
void send(const Tensor<T, rank>& values, Variable<T, rank, Device>& leaf) {
  send(values.values(), values.shape(), leaf);
}

VCELL_END_NAMESPACE
