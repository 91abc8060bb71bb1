// What the test of every operation calls: value, gradient, errors.
#pragma once

#include <array>
#include <utility>
#include <vector>

#include "support/errors.hpp"
#include "support/largest_error.hpp"
#include "support/random_tensor.hpp"
#include "vcell/autograd/gradcheck.hpp"

namespace vcell_test {

/// Sends a fixed random cotangent backward.
template <class T, int rank>
void pull_back(const vcell::Variable<T, rank>& y) {
  const auto cotangent = random_tensor<T, rank>(y.shape(), 11);
  vcell::backward(y, cotangent.view());
}

/// The value of op(inputs...) and the gradients of the inputs, one after the other.
template <class F, class First, class... Inputs>
auto value_and_gradients(F&& op, const First& first, const Inputs&... inputs) {
  first.clear_gradient();
  (inputs.clear_gradient(), ...);
  const auto y = op(first, inputs...);
  std::vector<typename First::scalar_type> all(y.value().begin(), y.value().end());
  pull_back(y);
  const auto append = [&](const auto& x) {
    all.insert(all.end(), x.gradient().begin(), x.gradient().end());
  };
  append(first);
  (append(inputs), ...);
  return all;
}

/// Checks one operation in double.
///
/// @param op        called as op(inputs...), returns a Variable<double, rank>
/// @param shape     expected shape of the result
/// @param expected  its elements by an independent way: by hand, or by plain loops
/// @param errors    calls that must fail: fails<ShapeError>([] { ... }, {"name", "(2, 3)"})
/// @param inputs    leaves that require a gradient; pull-back is compared with finite differences,
///                  must add to what is there, and must do without the gradient of any input
template <class F, size_t rank, class... Inputs>
void check_op(F&& op, const std::array<size_t, rank>& shape, const std::vector<double>& expected,
              const std::vector<std::function<void()>>& errors, const Inputs&... inputs) {
  const auto y = op(inputs...);
  CHECK(y.shape() == shape);
  CHECK(largest_error(y.value(), expected) < 1e-13);

  const auto checked = vcell::gradcheck(op, {}, inputs...);
  INFO("largest gradient error at " << checked.where);
  CHECK(checked.error < 1e-8);

  const auto check_alone = [&](const auto& input) {
    (inputs.clear_gradient(), ...);
    pull_back(op(inputs...));
    std::vector<double> g(input.gradient().begin(), input.gradient().end());
    const auto only = [&](const auto& x) {
      return static_cast<const void*>(x.node()) == input.node() ? x : x.detach();
    };
    pull_back(op(only(inputs)...));
    for (double& v : g) v *= 2;
    CHECK(largest_error(input.gradient(), g) < 1e-14);
  };
  (check_alone(inputs), ...);

  for (const auto& fails : errors) fails();
}

}  // namespace vcell_test
