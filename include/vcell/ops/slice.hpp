#pragma once

#include <algorithm>

#include "vcell/autograd/make_variable.hpp"
#include "vcell/autograd/with_targets.hpp"
#include "vcell/kernels/copy.hpp"
#include "vcell/kernels/launch.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// A tensor as (everything before the axis, the axis and everything after it).
template <class T, int rank, class Device>
kernel::MatrixView<T, Device> collapse_at(View<T, rank, Device> v, int axis) {
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
  const auto copy = [](auto from, auto to, bool accumulate) {
    kernel::run<kernel::Copy, Device>("slice", from, to, accumulate);
  };
  copy(part(detail::collapse_at(x.value(), axis)), detail::collapse_at(y.view(), axis), false);
  return make_variable(
      std::move(y),
      [axis, part, copy](auto dy, auto, const auto& whole) {
        // Zeros first, where nothing is there: the rest of the axis has no part in the result.
        copy(detail::collapse_at(dy, axis), part(detail::collapse_at(whole.gradient(), axis)),
             true);
      },
      x);
}

VCELL_END_NAMESPACE
