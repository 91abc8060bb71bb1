#pragma once

#include "vcell/autograd/make_variable.hpp"
#include "vcell/autograd/with_targets.hpp"
#include "vcell/kernels/mean_error.hpp"
#include "vcell/ops/reduction.hpp"

VCELL_BEGIN_NAMESPACE

namespace detail {

/// The errors f of (B, S, D) views of variables of any shape.
template <class F, class T, int rank, class Device>
Variable<T, 0, Device> error_in_sets(const char* function, F f, const Variable<T, rank, Device>& x,
                                     const Variable<T, rank, Device>& y, const Shape<3>& sets,
                                     const Variable<int32_t, 1, Device>& lengths, bool mean) {
  const auto in_sets = [sets](auto view) { return view.template reshape<3>(sets); };
  const auto view_of = [](const auto& n) {
    return n ? n.value() : View<const int32_t, 1, Device>();
  };
  auto out = Tensor<T, 0, Device>::uninitialized({});
  kernel::forward<kernel::MeanError, Device>(function, f, in_sets(x.value()), in_sets(y.value()),
                                             view_of(lengths), mean, out.view());
  return make_variable(
      std::move(out),
      [function, f, in_sets, view_of, mean](auto g, auto, const auto& a, const auto& b,
                                            const auto& n) {
        const auto target = [&](const auto& to) {
          return kernel::Target<T, 3, Device>{in_sets(to.view), to.accumulate};
        };
        with_targets(
            function,
            [&](auto da, auto db) {
              kernel::backward<kernel::MeanError, Device>(
                  function, f, g, in_sets(a.value()), in_sets(b.value()), view_of(n), mean,
                  da ? target(da) : kernel::Target<T, 3, Device>(),
                  db ? target(db) : kernel::Target<T, 3, Device>());
            },
            a, b);
      },
      x, y, lengths);
}

/// The error f between all elements.
template <class F, class T, int rank, class Device>
Variable<T, 0, Device> mean_error(const char* function, F f, const Variable<T, rank, Device>& x,
                                  const Variable<T, rank, Device>& y, Reduction reduction) {
  check_shape_match(function, "shape of x", x.shape(), "shape of y", y.shape());
  if (reduction == Reduction::mean && x.count() == 0)
    throw ShapeError(message(function, ": ", x.shape(), " has no elements, so no mean"));
  return error_in_sets(function, f, x, y, {1, 1, x.count()}, Variable<int32_t, 1, Device>(),
                       reduction == Reduction::mean);
}

/// The error f between sets that may be padded.
template <class F, class T, class Device>
Variable<T, 0, Device> mean_error(const char* function, F f, const Variable<T, 3, Device>& x,
                                  const Variable<T, 3, Device>& y,
                                  const Variable<int32_t, 1, Device>& lengths,
                                  Reduction reduction) {
  if (!lengths) return mean_error(function, f, x, y, reduction);
  check_shape_match(function, "shape of x", x.shape(), "shape of y", y.shape());
  check_size_match(function, "lengths", lengths.count(), "sets of x", x.shape(0));
  return error_in_sets(function, f, x, y, x.shape(), lengths, reduction == Reduction::mean);
}

}  // namespace detail
VCELL_END_NAMESPACE
