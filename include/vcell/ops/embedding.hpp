#pragma once

#include "vcell/autograd/make_variable.hpp"
#include "vcell/autograd/with_targets.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/kernels/embedding.hpp"
#include "vcell/kernels/launch.hpp"
#include "vcell/ops/indices.hpp"

VCELL_BEGIN_NAMESPACE

/// Rows of a table by index.
///
/// @param index  any shape (...), each within 0 .. entries - 1
/// @param table  (entries, columns)
/// @return       (..., columns)
/// @throws ShapeError if an index lies outside
template <class T, int rank, class Device>
Variable<T, rank + 1, Device> embedding(const Indices<rank, Device>& index,
                                        const Variable<T, 2, Device>& table) {
  index.for_extremes(
      [&](int32_t i, size_t) { check_index("embedding", "index", i, table.shape(0)); });
  Shape<rank + 1> shape;
  for (int i = 0; i < rank; ++i) shape[size_t(i)] = index.shape(i);
  shape[size_t(rank)] = table.shape(1);
  auto y = Tensor<T, rank + 1, Device>::uninitialized(shape);
  kernel::forward<kernel::Embedding, Device>("embedding", index.values().value().flat(),
                                             table.value(), y.matrix());
  return make_variable(
      std::move(y),
      [](auto dy, auto, const auto& i, const auto& entries) {
        kernel::backward<kernel::Embedding, Device>("embedding", dy.matrix(), i.value().flat(),
                                                    entries.gradient_target());
      },
      index.values(), table);
}
template <class T, int rank, class Device>
Variable<T, rank + 1, Device> embedding(const Tensor<int32_t, rank>& index,
                                        const Variable<T, 2, Device>& table) {
  return embedding(Indices<rank, Device>(index), table);
}

VCELL_INSTANTIATE(ops, Variable<float, 2> embedding(const Indices<1>&, const Variable<float, 2>&));
VCELL_INSTANTIATE(ops, Variable<float, 3> embedding(const Indices<2>&, const Variable<float, 2>&));

VCELL_END_NAMESPACE
