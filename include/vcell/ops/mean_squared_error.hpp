#pragma once

#include "vcell/autograd/make_variable.hpp"
#include "vcell/autograd/with_targets.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/kernels/mean_squared_error.hpp"
#include "vcell/ops/reduction.hpp"

VCELL_BEGIN_NAMESPACE

namespace detail {

/// The squared error of (B, S, D) views of variables of any shape.
template <class T, int rank, class Device>
Variable<T, 0, Device> squared_error(const Variable<T, rank, Device>& x,
                                     const Variable<T, rank, Device>& y, const Shape<3>& sets,
                                     const Variable<int32_t, 1, Device>& lengths, bool mean) {
  const auto in_sets = [sets](auto view) { return view.template reshape<3>(sets); };
  const auto view_of = [](const auto& n) {
    return n ? n.value() : View<const int32_t, 1, Device>();
  };
  auto out = Tensor<T, 0, Device>::uninitialized({});
  kernel::forward<kernel::MeanSquaredError, Device>("mean_squared_error", in_sets(x.value()),
                                                    in_sets(y.value()), view_of(lengths), mean,
                                                    out.view());
  return make_variable(
      std::move(out),
      [in_sets, view_of, mean](auto g, auto, const auto& a, const auto& b, const auto& n) {
        const auto target = [&](const auto& to) {
          return kernel::Target<T, 3, Device>{in_sets(to.view), to.accumulate};
        };
        with_targets(
            "mean_squared_error",
            [&](auto da, auto db) {
              kernel::backward<kernel::MeanSquaredError, Device>(
                  "mean_squared_error", g, in_sets(a.value()), in_sets(b.value()), view_of(n), mean,
                  da ? target(da) : kernel::Target<T, 3, Device>(),
                  db ? target(db) : kernel::Target<T, 3, Device>());
            },
            a, b);
      },
      x, y, lengths);
}

}  // namespace detail

/// Mean (or sum) over all elements of (x - y)^2.
///
/// @param x, y  the same shape, at least one element for the mean
/// @throws ShapeError if the shapes differ, or for the mean of nothing
template <class T, int rank, class Device>
Variable<T, 0, Device> mean_squared_error(const Variable<T, rank, Device>& x,
                                          const Variable<T, rank, Device>& y,
                                          Reduction reduction = Reduction::mean) {
  check_shape_match("mean_squared_error", "shape of x", x.shape(), "shape of y", y.shape());
  if (reduction == Reduction::mean && x.count() == 0)
    throw ShapeError(message("mean_squared_error: ", x.shape(), " has no elements, so no mean"));
  return detail::squared_error(x, y, {1, 1, x.count()}, Variable<int32_t, 1, Device>(),
                               reduction == Reduction::mean);
}

/// The same of sets that are padded to one length: padding has no part in it.
///
/// @param x, y     (B, S, D)
/// @param lengths  (B) cells of each set, at least one in all for the mean; empty: S
template <class T, class Device>
Variable<T, 0, Device> mean_squared_error(const Variable<T, 3, Device>& x,
                                          const Variable<T, 3, Device>& y,
                                          const Variable<int32_t, 1, Device>& lengths,
                                          Reduction reduction = Reduction::mean) {
  if (!lengths) return mean_squared_error(x, y, reduction);
  check_shape_match("mean_squared_error", "shape of x", x.shape(), "shape of y", y.shape());
  check_size_match("mean_squared_error", "lengths", lengths.count(), "sets of x", x.shape(0));
  return detail::squared_error(x, y, x.shape(), lengths, reduction == Reduction::mean);
}

VCELL_INSTANTIATE(ops, Variable<float, 0> detail::squared_error(const Variable<float, 1>&,
                                                                const Variable<float, 1>&,
                                                                const Shape<3>&,
                                                                const Variable<int32_t, 1>&, bool));
VCELL_INSTANTIATE(ops, Variable<float, 0> detail::squared_error(const Variable<float, 2>&,
                                                                const Variable<float, 2>&,
                                                                const Shape<3>&,
                                                                const Variable<int32_t, 1>&, bool));
VCELL_INSTANTIATE(ops, Variable<float, 0> detail::squared_error(const Variable<float, 3>&,
                                                                const Variable<float, 3>&,
                                                                const Shape<3>&,
                                                                const Variable<int32_t, 1>&, bool));

VCELL_END_NAMESPACE
