#pragma once

#include "vcell/core/cmath.hpp"
#include "vcell/kernels/eigen.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/kernels/step_numbers.hpp"
#include "vcell/tensor/context.hpp"
#include "vcell/tensor/view.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// One step of an exponential moving average:
///
///   average += (1 - numbers.kept) (value - average)
///
/// in this form, so that where both are equal they stay so to the bit. Views are flat and of equal
/// length. Where factor is not-a-number the step was not taken (kernels/check_step.hpp) and nothing
/// is written; null: it was.
template <class Device>
struct RunningAverage : Missing<Device> {};

template <>
struct RunningAverage<Cpu> {
  template <class T>
  static Status run(const Context<Cpu>& context, View<const StepNumbers, 0> numbers,
                    View<const double, 0> factor, View<const T, 1> value, View<T, 1> average) {
    if (factor && std::isnan(factor())) return {};
    const T share = T(1 - numbers().kept);
    parallel_for(context, value.shape[0], 1 << 14, [&](size_t begin, size_t end) {
      const auto n = Eigen::Index(end - begin);
      const Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>> v(value.data + begin, n);
      Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>> a(average.data + begin, n);
      a += share * (v - a);
    });
    return {};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
