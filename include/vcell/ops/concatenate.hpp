#pragma once

#include "vcell/ops/slice.hpp"

VCELL_BEGIN_NAMESPACE

/// a and b one after the other along an axis.
///
/// @param a, b  shapes that differ at most in that axis
/// @param axis  0 .. rank - 1
/// @throws ShapeError if another size differs
template <class T, int rank, class Device>
Variable<T, rank, Device> concatenate(const Variable<T, rank, Device>& a,
                                      const Variable<T, rank, Device>& b, int axis) {
  check_index("concatenate", "axis", axis, size_t(rank));
  for (int i = 0; i < rank; ++i)
    if (i != axis && a.shape(i) != b.shape(i))
      detail::fail<ShapeError>("concatenate: ", a.shape(), " and ", b.shape(),
                               " may differ in axis ", axis, " alone");
  Shape<rank> shape = a.shape();
  shape[size_t(axis)] += b.shape(axis);
  auto y = Tensor<T, rank, Device>::uninitialized(shape);
  // Where an input lies within the rows of the result.
  const auto place = [split = detail::collapse_at(a.value(), axis).columns](auto whole,
                                                                            bool second) {
    return whole.block(0, whole.rows, second ? split : 0, second ? whole.columns - split : split);
  };
  const auto result = detail::collapse_at(y.view(), axis);
  const auto copy = [](auto from, auto to, bool accumulate) {
    kernel::run<kernel::Copy, Device>("concatenate", from, to, accumulate);
  };
  copy(detail::collapse_at(a.value(), axis), place(result, false), false);
  copy(detail::collapse_at(b.value(), axis), place(result, true), false);
  return make_variable(
      std::move(y),
      [axis, place, copy](auto dy, auto, const auto& first, const auto& second) {
        const auto g = detail::collapse_at(dy, axis);
        if (const auto to = first.gradient_target())
          copy(place(g, false), detail::collapse_at(to.view, axis), to.accumulate);
        if (const auto to = second.gradient_target())
          copy(place(g, true), detail::collapse_at(to.view, axis), to.accumulate);
      },
      a, b);
}

VCELL_END_NAMESPACE
