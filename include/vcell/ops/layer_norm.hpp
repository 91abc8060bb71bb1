#pragma once

#include "vcell/autograd/make_variable.hpp"
#include "vcell/autograd/with_targets.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/kernels/layer_norm.hpp"

VCELL_BEGIN_NAMESPACE

struct LayerNormOptions {
  /// Added to the (biased) variance before the root; must be positive.
  double epsilon = 1e-5;
};

/// Layer normalisation (Ba, Kiros, Hinton 2016, arXiv:1607.06450, eq. 4): the last axis minus its
/// mean, divided by its standard deviation, then scaled by weight and moved by bias.
///
/// @param x       (..., columns)
/// @param weight  (columns), or an empty variable for 1
/// @param bias    (columns), or an empty variable for 0
/// @throws ShapeError if weight or bias has another size than the last axis of x
template <class T, int rank, class Device>
Variable<T, rank, Device> layer_norm(const Variable<T, rank, Device>& x,
                                     const Variable<T, 1, Device>& weight = {},
                                     const Variable<T, 1, Device>& bias = {},
                                     const LayerNormOptions& options = {}) {
  const auto check = [&](const char* name, const Variable<T, 1, Device>& v) {
    if (v) check_size_match("layer_norm", "last size of x", x.shape(rank - 1), name, v.shape(0));
  };
  check("size of weight", weight);
  check("size of bias", bias);
  check_positive("layer_norm", "epsilon", options.epsilon);
  auto y = Tensor<T, rank, Device>::uninitialized(x.shape());
  const size_t rows = x.value().matrix().shape[0];
  auto m = Tensor<T, 1, Device>::uninitialized({rows});
  auto r = Tensor<T, 1, Device>::uninitialized({rows});
  const auto value = [](const auto& v) { return v ? v.value() : View<const T, 1, Device>(); };
  kernel::forward<kernel::LayerNorm, Device>("layer_norm", x.value().matrix(), value(weight),
                                             value(bias), y.matrix(), m.view(), r.view(),
                                             T(options.epsilon));
  return make_variable(
      std::move(y),
      [value, m = std::move(m), r = std::move(r)](auto dy, auto, const auto& in, const auto& w,
                                                  const auto& b) {
        with_targets(
            "layer_norm",
            [&](auto dx, auto dw, auto db) {
              kernel::backward<kernel::LayerNorm, Device>("layer_norm", dy.matrix(),
                                                          in.value().matrix(), value(w), m.view(),
                                                          r.view(), dx.matrix(), dw, db);
            },
            in, w, b);
      },
      x, weight, bias);
}

VCELL_INSTANTIATE(ops, Variable<float, 2> layer_norm(const Variable<float, 2>&,
                                                     const Variable<float, 1>&,
                                                     const Variable<float, 1>&,
                                                     const LayerNormOptions&));
VCELL_INSTANTIATE(ops, Variable<float, 3> layer_norm(const Variable<float, 3>&,
                                                     const Variable<float, 1>&,
                                                     const Variable<float, 1>&,
                                                     const LayerNormOptions&));

VCELL_END_NAMESPACE
