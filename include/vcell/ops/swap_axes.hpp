#pragma once

#include "vcell/autograd/make_variable.hpp"
#include "vcell/autograd/with_targets.hpp"
#include "vcell/kernels/swap_axes.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// A tensor as (before a, a, between, b, after b), for a < b.
template <class T, int rank, class Device>
View<T, 5, Device> around_axes(View<T, rank, Device> v, int a, int b) {
  Shape<5> shape{1, v.shape[size_t(a)], 1, v.shape[size_t(b)], 1};
  for (int i = 0; i < rank; ++i)
    if (i != a && i != b) shape[i < a ? 0 : i < b ? 2 : 4] *= v.shape[size_t(i)];
  return {v.data, shape};
}

}  // namespace detail

/// Two axes exchanged, the elements moved: for a matrix its transpose.
///
/// @param x     any shape
/// @param a, b  two axes, each 0 .. rank - 1, in any order
/// @return      the shape of x with the sizes of a and b exchanged
/// @throws ShapeError if there is no such axis
template <class T, int rank, class Device>
Variable<T, rank, Device> swap_axes(const Variable<T, rank, Device>& x, int a, int b) {
  check_index("swap_axes", "a", a, size_t(rank));
  check_index("swap_axes", "b", b, size_t(rank));
  if (a == b) return x;
  if (a > b) std::swap(a, b);
  Shape<rank> shape = x.shape();
  std::swap(shape[size_t(a)], shape[size_t(b)]);
  auto y = Tensor<T, rank, Device>::uninitialized(shape);
  const auto move = [a, b](View<const T, rank, Device> from,
                           const kernel::Target<T, rank, Device>& to) {
    if (to)
      kernel::run<kernel::SwapAxes, Device>(
          "swap_axes", detail::around_axes(from, a, b),
          kernel::Target<T, 5, Device>{detail::around_axes(to.view, a, b), to.accumulate});
  };
  move(x.value(), {y.view(), false});
  return make_variable(
      std::move(y), [move](auto dy, auto, const auto& in) { move(dy, in.gradient_target()); }, x);
}

VCELL_END_NAMESPACE
