#pragma once

#include "vcell/autograd/variable.hpp"
#include "vcell/kernels/gemm.hpp"
#include "vcell/kernels/sum_rows.hpp"

VCELL_BEGIN_NAMESPACE

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
  static_assert(rank >= 1, "vcell: linear needs an axis to work on");
  using kernel::Gemm, kernel::MatrixView;
  check_size_match("linear", "last size of x", x.shape(rank - 1), "columns of weight",
                   weight.shape(1));
  if (bias)
    check_size_match("linear", "size of bias", bias.shape(0), "rows of weight", weight.shape(0));
  Shape<rank> shape = x.shape();
  shape[rank - 1] = weight.shape(0);
  auto y = Tensor<T, rank, Device>::uninitialized(shape);
  kernel::check_status("linear", Gemm<Device>::run({.transpose_b = true}, x.value().matrix(),
                                                   weight.value(), MatrixView<T>(y.matrix()),
                                                   bias ? bias.value() : View<const T, 1>()));
  return make_variable(
      std::move(y),
      [x, weight, bias](View<const T, rank> dy) {
        const auto g = dy.matrix();
        if (const auto dx = x.gradient())
          kernel::check_status("linear", Gemm<Device>::run({.beta = 1}, g, weight.value(),
                                                           MatrixView<T>(dx.matrix())));
        if (const auto dw = weight.gradient())
          kernel::check_status("linear", Gemm<Device>::run({.transpose_a = true, .beta = 1}, g,
                                                           x.value().matrix(), MatrixView<T>(dw)));
        if (bias)
          if (const auto db = bias.gradient())
            kernel::check_status("linear", kernel::SumRows<Device>::run(g, db));
      },
      x, weight, bias);
}

VCELL_END_NAMESPACE
