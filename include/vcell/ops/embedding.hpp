#pragma once

#include "vcell/autograd/variable.hpp"
#include "vcell/kernels/embedding.hpp"

VCELL_BEGIN_NAMESPACE

/// Rows of a table by index.
///
/// @param index  any shape (...), on the host, each within 0 .. entries - 1
/// @param table  (entries, columns)
/// @return       (..., columns)
/// @throws ShapeError if an index lies outside
template <class T, int rank, class Device>
Variable<T, rank + 1, Device> embedding(Tensor<int32_t, rank> index,
                                        const Variable<T, 2, Device>& table) {
  for (const int32_t i : index.values()) check_index("embedding", "index", i, table.shape(0));
  Shape<rank + 1> shape;
  for (int i = 0; i < rank; ++i) shape[size_t(i)] = index.shape(i);
  shape[size_t(rank)] = table.shape(1);
  auto y = Tensor<T, rank + 1, Device>::uninitialized(shape);
  kernel::check_status("embedding",
                       kernel::Embedding<Device>::forward(std::as_const(index).view().flat(),
                                                          table.value(), y.matrix()));
  return make_variable(
      std::move(y),
      [index = std::move(index), table](View<const T, rank + 1> dy) {
        kernel::check_status("embedding", kernel::Embedding<Device>::backward(
                                              dy.matrix(), index.view().flat(), table.gradient()));
      },
      table);
}

VCELL_END_NAMESPACE
