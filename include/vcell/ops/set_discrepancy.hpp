#pragma once

#include "vcell/autograd/make_variable.hpp"
#include "vcell/autograd/with_targets.hpp"
#include "vcell/kernels/set_discrepancy.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// What every operation on pairs of sets asks of x (B, S, D) and y (B, T, D).
/// @throws ShapeError if B or D differ, a set is empty, or lengths are not one a set
template <class T, class Device>
void check_sets(const char* function, const Variable<T, 3, Device>& x,
                const Variable<T, 3, Device>& y, const Variable<int32_t, 1, Device>& x_lengths,
                const Variable<int32_t, 1, Device>& y_lengths) {
  check_size_match(function, "sets of x", x.shape(0), "sets of y", y.shape(0));
  check_size_match(function, "last size of x", x.shape(2), "last size of y", y.shape(2));
  if (x.shape(1) == 0 || y.shape(1) == 0)
    throw ShapeError(
        message(function, ": ", x.shape(), " and ", y.shape(), ": a set needs at least one cell"));
  for (const auto* lengths : {&x_lengths, &y_lengths})
    if (*lengths) check_size_match(function, "lengths", lengths->count(), "sets of x", x.shape(0));
}

/// How many cells of each set are no padding, as kernels get it.
template <class Device>
kernel::SetLengths<Device> set_lengths(const Variable<int32_t, 1, Device>& of_x,
                                       const Variable<int32_t, 1, Device>& of_y) {
  kernel::SetLengths<Device> lengths;
  if (of_x) lengths.x = of_x.value();
  if (of_y) lengths.y = of_y.value();
  return lengths;
}

/// What pairs of sets differ by in a function of the distance of two cells: kernel::SetDiscrepancy.
/// @param f       such a function (kernels/distance_functions.hpp)
/// @param sigmas  (K) its widths, constants for the gradient; empty where it has none
/// @return        (B)
/// @throws ShapeError as check_sets does
template <class T, class Device, class F>
Variable<T, 1, Device> set_discrepancy(const char* function, const Variable<T, 3, Device>& x,
                                       const Variable<T, 3, Device>& y, const F& f,
                                       const Variable<T, 1, Device>& sigmas,
                                       const kernel::DiscrepancyForm& form,
                                       const Variable<int32_t, 1, Device>& x_lengths,
                                       const Variable<int32_t, 1, Device>& y_lengths) {
  check_sets(function, x, y, x_lengths, y_lengths);
  const auto view_of = [](const auto& s) { return s ? s.value() : View<const T, 1, Device>(); };
  auto e = Tensor<T, 1, Device>::uninitialized({x.shape(0)});
  kernel::forward<kernel::SetDiscrepancy, Device>(function, x.value(), y.value(),
                                                  set_lengths(x_lengths, y_lengths), e.view(), f,
                                                  view_of(sigmas), form);
  return make_variable(
      std::move(e),
      [function, f, form, view_of](auto g, auto, const auto& a, const auto& b, const auto& of_a,
                                   const auto& of_b, const auto& s) {
        with_targets(
            function,
            [&](auto da, auto db) {
              kernel::backward<kernel::SetDiscrepancy, Device>(function, g, a.value(), b.value(),
                                                               set_lengths(of_a, of_b), da, db, f,
                                                               view_of(s), form);
            },
            a, b);
      },
      x, y, x_lengths, y_lengths, sigmas);
}

}  // namespace detail
VCELL_END_NAMESPACE
