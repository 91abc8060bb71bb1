#pragma once

#include <algorithm>

#include "vcell/autograd/variable.hpp"
#include "vcell/kernels/copy_block.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// A tensor as (everything before the axis, the axis and everything after it).
template <class T, int rank>
kernel::MatrixView<T> collapse_at(View<T, rank> v, int axis) {
  size_t rows = 1;
  for (int i = 0; i < axis; ++i) rows *= v.shape[size_t(i)];
  size_t columns = 1;
  for (int i = axis; i < rank; ++i) columns *= v.shape[size_t(i)];
  return {v.data, rows, columns, columns};
}

}  // namespace detail

/// Indices begin .. end - 1 of one axis.
///
/// @param x     any shape
/// @param axis  0 .. rank - 1
/// @return      the shape of x with end - begin in place of the axis' size
/// @throws ShapeError unless 0 <= axis < rank and begin <= end <= size of the axis
template <class T, int rank, class Device>
Variable<T, rank, Device> slice(const Variable<T, rank, Device>& x, int axis, size_t begin,
                                size_t end) {
  check_index("slice", "axis", axis, size_t(rank));
  if (begin > end || end > x.shape(axis))
    detail::fail<ShapeError>("slice: ", begin, " .. ", end, " of axis ", axis, " of ", x.shape(),
                             ", expected begin <= end <= its size");
  Shape<rank> shape = x.shape();
  shape[size_t(axis)] = end - begin;
  auto y = Tensor<T, rank, Device>::uninitialized(shape);
  const size_t after =
      detail::collapse_at(x.value(), axis).columns / std::max<size_t>(1, x.shape(axis));
  const auto part = [=](auto whole) {
    return whole.block(0, whole.rows, begin * after, (end - begin) * after);
  };
  kernel::check_status("slice",
                       kernel::CopyBlock<Device>::run(part(detail::collapse_at(x.value(), axis)),
                                                      detail::collapse_at(y.view(), axis)));
  return make_variable(
      std::move(y),
      [x, axis, part](View<const T, rank> dy) {
        kernel::check_status("slice", kernel::CopyBlock<Device>::accumulate(
                                          detail::collapse_at(dy, axis),
                                          part(detail::collapse_at(x.gradient(), axis))));
      },
      x);
}

VCELL_END_NAMESPACE
