#pragma once

#include "vcell/autograd/make_variable.hpp"
#include "vcell/autograd/with_targets.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/kernels/gemm.hpp"
#include "vcell/kernels/sum_rows.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The shape of x W^T + b.
/// @throws ShapeError if the sizes do not fit
template <class T, int rank, class Device>
Shape<rank> linear_shape(const char* function, const Variable<T, rank, Device>& x,
                         const Variable<T, 2, Device>& weight, const Variable<T, 1, Device>& bias) {
  static_assert(rank >= 1, "vcell: linear needs an axis to work on");
  check_size_match(function, "last size of x", x.shape(rank - 1), "columns of weight",
                   weight.shape(1));
  if (bias)
    check_size_match(function, "size of bias", bias.shape(0), "rows of weight", weight.shape(0));
  Shape<rank> shape = x.shape();
  shape[rank - 1] = weight.shape(0);
  return shape;
}

/// y = epilogue(x W^T + b).
/// @param z         receives x W^T + b; null: not kept
/// @param residual  what the epilogue adds, of the shape of y
template <class T, int rank, class Device>
void linear_product(const char* function, kernel::EpilogueKind kind,
                    const Variable<T, rank, Device>& x, const Variable<T, 2, Device>& weight,
                    const Variable<T, 1, Device>& bias, View<T, 2, Device> y,
                    View<T, 2, Device> z = {}, View<const T, 2, Device> residual = {}) {
  using Factor = kernel::MatrixView<const T, Device>;
  const kernel::Epilogue<T, Device> epilogue{
      .kind = kind,
      .bias = bias ? bias.value() : View<const T, 1, Device>(),
      .residual = residual,
      .stored = z};
  kernel::run<kernel::Gemm, Device>(function, kernel::GemmOptions{.transpose_b = true},
                                    Factor(x.value().matrix()), Factor(weight.value()),
                                    kernel::MatrixView<T, Device>(y), epilogue);
}

/// Puts the gradients of x W^T + b, given its own.
/// @param dz  (rows, out)
template <class T, int rank, class Device>
void pull_linear(const char* function, View<const T, 2, Device> dz,
                 const Variable<T, rank, Device>& x, const Variable<T, 2, Device>& weight,
                 const Variable<T, 1, Device>& bias) {
  const auto product = [&](const kernel::GemmOptions& options, View<const T, 2, Device> b,
                           View<T, 2, Device> c) {
    using Factor = kernel::MatrixView<const T, Device>;
    kernel::run<kernel::Gemm, Device>(function, options, Factor(dz), Factor(b),
                                      kernel::MatrixView<T, Device>(c),
                                      kernel::Epilogue<T, Device>());
  };
  if (const auto dx = x.gradient_target().matrix())
    product({.accumulate = dx.accumulate}, weight.value(), dx.view);
  if (const auto dw = weight.gradient_target())
    product({.transpose_a = true, .accumulate = dw.accumulate}, x.value().matrix(), dw.view);
  if (const auto db = bias.gradient_target())
    kernel::run<kernel::SumRows, Device>(function, dz, db);
}

}  // namespace detail

/// y = x W^T + b on the last axis.
///
/// @param x       (..., in)
/// @param weight  (out, in)
/// @param bias    (out), or an empty variable for none
/// @return        (..., out)
/// @throws ShapeError if the last size of x is not in, or bias has another size than out
/// 2 rows in out flops forward, twice that backward.
template <class T, int rank, class Device>
Variable<T, rank, Device> linear(const Variable<T, rank, Device>& x,
                                 const Variable<T, 2, Device>& weight,
                                 const Variable<T, 1, Device>& bias = {}) {
  auto y = Tensor<T, rank, Device>::uninitialized(detail::linear_shape("linear", x, weight, bias));
  detail::linear_product("linear", bias ? kernel::EpilogueKind::bias : kernel::EpilogueKind::none,
                         x, weight, bias, y.matrix());
  return make_variable(
      std::move(y),
      [](auto dy, auto, const auto&... inputs) {
        detail::pull_linear("linear", dy.matrix(), inputs...);
      },
      x, weight, bias);
}

VCELL_INSTANTIATE(ops,
                  Variable<float, 2> linear(const Variable<float, 2>&, const Variable<float, 2>&,
                                            const Variable<float, 1>&));
VCELL_INSTANTIATE(ops,
                  Variable<float, 3> linear(const Variable<float, 3>&, const Variable<float, 2>&,
                                            const Variable<float, 1>&));

VCELL_END_NAMESPACE
