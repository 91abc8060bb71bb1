#pragma once

#include "vcell/autograd/make_variable.hpp"
#include "vcell/autograd/with_targets.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/kernels/set_bias.hpp"

VCELL_BEGIN_NAMESPACE

/// Adds one vector to every cell of its set: what is constant over a set, such as its perturbation,
/// is encoded once and not once a cell.
///
/// @param x     (B, S, D)
/// @param bias  (B, D)
/// @return      (B, S, D): y[b, s, :] = x[b, s, :] + bias[b, :]
/// @throws ShapeError if B or D differ
template <class T, class Device>
Variable<T, 3, Device> add_to_sets(const Variable<T, 3, Device>& x,
                                   const Variable<T, 2, Device>& bias) {
  check_size_match("add_to_sets", "sets of x", x.shape(0), "rows of bias", bias.shape(0));
  check_size_match("add_to_sets", "last size of x", x.shape(2), "columns of bias", bias.shape(1));
  auto y = Tensor<T, 3, Device>::uninitialized(x.shape());
  kernel::forward<kernel::SetBias, Device>("add_to_sets", x.value(), bias.value(), y.view());
  return make_variable(
      std::move(y),
      [](auto dy, auto, const auto& cells, const auto& vectors) {
        detail::pull_copy("add_to_sets", dy, cells.gradient_target());
        kernel::backward<kernel::SetBias, Device>("add_to_sets", dy, vectors.gradient_target());
      },
      x, bias);
}

VCELL_INSTANTIATE(ops, Variable<float, 3> add_to_sets(const Variable<float, 3>&,
                                                      const Variable<float, 2>&));

VCELL_END_NAMESPACE
