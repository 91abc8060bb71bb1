#pragma once

#include <algorithm>
#include <string>

#include "vcell/autograd/backward.hpp"
#include "vcell/core/cmath.hpp"
#include "vcell/core/rng.hpp"

VCELL_BEGIN_NAMESPACE

struct GradcheckOptions {
  /// Half the distance of the two points of a central difference.
  double step = 1e-5;
  /// Draws the cotangent.
  uint64_t seed = 1;
};

struct GradcheckResult {
  /// Largest |pull-back - finite difference| / max(1, largest |finite difference|).
  double error = 0;
  /// Where: "input 1, element 7".
  std::string where = "nowhere";
};

/// Compares the gradient of sum(f(inputs...) * cotangent) by pull-back with central differences, in
/// double, for a random cotangent and every element of every input.
///
/// @param f       called as f(inputs...), returns a Variable<double, rank>; must be a pure function
/// @param inputs  leaves that require a gradient; their values are restored
/// @return        the largest error and where it is; the caller says what is small enough
template <class F, class... Inputs>
GradcheckResult gradcheck(F&& f, const GradcheckOptions& options, const Inputs&... inputs) {
  (inputs.clear_gradient(), ...);
  auto y = f(inputs...);
  const size_t n = y.count();
  Tensor<double, 1> cotangent({n});
  Rng rng(options.seed, stream_of("gradcheck"));
  for (double& c : cotangent.values()) c = rng.normal();
  backward(y.template reshape<1>({n}), cotangent.view());

  const auto sum = [&] {
    NoGrad no_grad;
    const auto z = f(inputs...);
    double s = 0;
    for (size_t i = 0; i < n; ++i) s += z.value().data[i] * cotangent[i];
    return s;
  };
  GradcheckResult result;
  size_t number = 0;
  const auto check = [&](const auto& input) {
    const auto value = input.mutable_value();
    Tensor<double, 1> difference({value.count()});
    double largest = 1;
    for (size_t i = 0; i < value.count(); ++i) {
      const double kept = value.data[i];
      value.data[i] = kept + options.step;
      const double up = sum();
      value.data[i] = kept - options.step;
      const double down = sum();
      value.data[i] = kept;
      difference[i] = (up - down) / (2 * options.step);
      largest = std::max(largest, std::abs(difference[i]));
    }
    for (size_t i = 0; i < value.count(); ++i) {
      const double e = std::abs(input.gradient().data[i] - difference[i]) / largest;
      if (!(e <= result.error)) {  // NaN counts as an error
        result.error = std::isnan(e) ? INFINITY : e;
        result.where = message("input ", number, ", element ", i);
      }
    }
    ++number;
  };
  (check(inputs), ...);
  return result;
}

VCELL_END_NAMESPACE
