#pragma once

#include <algorithm>

#include "vcell/core/cmath.hpp"
#include "vcell/kernels/eigen.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/kernels/step_numbers.hpp"
#include "vcell/tensor/context.hpp"
#include "vcell/tensor/view.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// The numbers of Adam that are the same for every element and in every step.
struct AdamConstants {
  double beta1 = 0.9;     ///< decay of the first moment
  double beta2 = 0.999;   ///< decay of the second moment
  double epsilon = 1e-8;  ///< added to the root of the corrected second moment
  double l2 = 0;          ///< weight decay that is added to the gradient
  double decoupled = 0;   ///< weight decay that shrinks the value by rate * decoupled
};

/// One step of Adam, everything in one sweep:
///
///   g  = factor gradient + l2 p
///   m += (1 - beta1) (g - m)
///   v  = beta2 v + (1 - beta2) g^2
///   p  = (1 - rate decoupled) p - rate / correction1 * m / (sqrt(v / correction2) + epsilon)
///
/// Views are flat and of equal length. Rate and corrections are read from numbers. factor is what
/// clipping gives (null: 1); where it is not-a-number the step is not taken and nothing is written.
template <class Device>
struct Adam : Missing<Device> {};

template <>
struct Adam<Cpu> {
  template <class T>
  static Status run(const Context<Cpu>& context, const AdamConstants& c,
                    View<const StepNumbers, 0> numbers, View<const double, 0> factor,
                    View<const T, 1> gradient, View<T, 1> value, View<T, 1> first,
                    View<T, 1> second) {
    if (factor && std::isnan(factor())) return {};
    const StepNumbers& now = numbers();
    // Eigen, because a loop over std::sqrt does not vectorise where math functions set errno.
    using In = Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>;
    using Out = Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>>;
    const T l2 = T(c.l2), keep = T(1 - now.rate * c.decoupled), epsilon = T(c.epsilon);
    const T beta2 = T(c.beta2), rest1 = T(1 - c.beta1), rest2 = T(1 - c.beta2);
    const T step = T(now.rate / now.correction1), root2 = T(std::sqrt(now.correction2));
    const T share = factor ? T(factor()) : T(1);
    constexpr size_t block = 1 << 9;  // that the nearest cache keeps from one line to the next
    parallel_for(context, value.shape[0], 1 << 12, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; i += block) {
        const auto n = Eigen::Index(std::min(block, end - i));
        const In g(gradient.data + i, n);
        Out p(value.data + i, n), m(first.data + i, n), v(second.data + i, n);
        m += rest1 * (share * g + l2 * p - m);
        v = beta2 * v + rest2 * (share * g + l2 * p).square();
        p = keep * p - step * m / (v.sqrt() / root2 + epsilon);
      }
    });
    return {};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
